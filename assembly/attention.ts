import { DOTS_ROWS, dots, MAX_DOTS_COLUMNS, sumsOf } from './dots'
import { largestOf, QUERY_ZERO, slotsOf, TILE } from './kv-cache'
import { madd, maxLanes, nearestIntegers, pow2, roundingConstant, sumLanes } from './simd'

// softmax(q k / sqrt(headDim)) v, in one walk over the cache: a tile of positions is read once for a block of columns (a column is one query
// head of one token), and then by the next block (online softmax, Milakov and Gimelshein 2018; tiles as in FlashAttention, Dao et al. 2022).
//   scores    = keyScale * (dots of bytes)                 queries have 7 bits and one scale, which comes in with the exponential
//   weights   = round(e^(queryScale * (score - top)) * valueScale / factor), 0 .. 127; factor = the largest of the tile / 127
//   out       = e^(queryScale * (top before - top)) * out + factor * (dots of bytes)
// All sums of products are integers, equal in both builds and whatever columns stand in a block: a token's result depends on its own
// query and on the cache only.

/** Largest size of a query's byte, QUERY_ZERO taken off. */
const QUERY_MAX: f32 = 63
/** Largest weight. */
const WEIGHT_MAX: f32 = 127

/** scores (MAX_DOTS_COLUMNS, TILE) f32, then in their place e^.. * valueScale. */
const scores = memory.data(MAX_DOTS_COLUMNS * TILE * 4, 64)
/** (TILE / 4, columns of the block, 4 positions) u8 */
const weights = memory.data(MAX_DOTS_COLUMNS * TILE, 64)
/** (MAX_DOTS_COLUMNS) f32 factors of the weights, then i32 bytes from `out` to the column's. */
const factors = memory.data(MAX_DOTS_COLUMNS * 4, 16)
const places = memory.data(MAX_DOTS_COLUMNS * 4, 16)

// What is known of a column, f32: its queryScale (times log2 e, for powers of two), its largest score so far, its sum of exponentials.
const SCALE: usize = 0
const TOP: usize = 4
const SUM: usize = 8
const STATE_BYTES: i32 = 12

/** Bytes of scratch memory that `attend` needs for `tokens` tokens at once, with `queries` query heads to a KV head. */
export function attendScratchBytes(tokens: i32, headDim: i32, queries: i32): i32 {
  return tokens * queries * (headDim + STATE_BYTES)
}

/** bytes (headDim / 4, columns, 4) u8, of which those of one column, <- q (headDim) f32; returns scale: q = scale * (byte - QUERY_ZERO). */
@inline
function roundQuery(bytes: usize, columns: i32, q: usize, headDim: i32): f32 {
  const top = largestOf(q, headDim)
  const inverse = f32x4.splat(top > 0 ? QUERY_MAX / top : 0)
  const rounding = roundingConstant(), zero = i32x4.splat(QUERY_ZERO)
  for (const end = q + (headDim << 2); q < end; q += 16) {
    storeBytes(bytes, i32x4.add(nearestIntegers(f32x4.mul(v128.load(q), inverse), rounding), zero))
    bytes += columns << 2
  }
  return top / QUERY_MAX
}

/** bytes (4) <- integers (4) i32 of 0 .. 127. */
@inline
function storeBytes(bytes: usize, integers: v128): void {
  const pairs = i16x8.narrow_i32x4_s(integers, integers)
  v128.store32_lane(bytes, i8x16.narrow_i16x8_s(pairs, pairs), 0)
}

/** scores (columns, positions) <- queries . keys, `positions` of them rounded up to eight. */
@inline
function score(columns: i32, queries: usize, keys: usize, scales: usize, biases: usize, positions: i32, headDim: i32): void {
  for (let position = 0; position < positions; position += DOTS_ROWS) {
    const at = position << 2
    dots(columns, keys + position * headDim, queries, headDim >> 2, v128.load(biases + at), v128.load(biases + at, 16))
    const low = v128.load(scales + at), high = v128.load(scales + at, 16)
    for (let column = 0; column < columns; column++) {
      const sums = sumsOf(column), to = scores + column * (TILE * 4) + at
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums)), low))
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(v128.load(sums, 16)), high), 16)
    }
  }
}

/** x (size) f32 *= factor */
@inline
function scaleBy(x: usize, size: i32, factor: f32): void {
  const factors = f32x4.splat(factor)
  for (const end = x + (size << 2); x < end; x += 16) v128.store(x, f32x4.mul(v128.load(x), factors))
}

/**
 * weights of one column <- its scores of `count` positions, at least one, and the scales of their values; zeros behind them.
 * out (headDim) f32 is scaled down where a larger score than before came.
 */
@inline
function weigh(column: i32, columns: i32, state: usize, scales: usize, count: i32, out: usize, headDim: i32): void {
  const at = scores + column * (TILE * 4)
  // Sixteen positions at a time: those behind the last are -Infinity and weigh nothing.
  const end = ((count + 15) & -16) << 2
  for (let i = count << 2; i < end; i += 4) f32.store(at + i, -Infinity)
  const before = f32.load(state, TOP), top = max(before, largestScore(at, end)), scale = f32.load(state, SCALE)
  if (top > before) {
    const decay = f32x4.extract_lane(pow2(f32x4.splat((before - top) * scale)), 0)
    scaleBy(out, headDim, decay)
    f32.store(state, f32.load(state, SUM) * decay, SUM)
    f32.store(state, top, TOP)
  }
  const tops = f32x4.splat(top), times = f32x4.splat(scale), zero = f32x4.splat(0)
  let total = zero, largest = zero
  for (let i = 0; i < end; i += 16) {
    const e = pow2(f32x4.mul(f32x4.sub(v128.load(at + i), tops), times))
    total = f32x4.add(total, e)
    // Behind the last position stand scales of no value, NaN perhaps.
    const weight = v128.and(f32x4.mul(e, v128.load(scales + i)), f32x4.gt(e, zero))
    v128.store(at + i, weight)
    largest = f32x4.pmax(largest, weight)
  }
  f32.store(state, f32.load(state, SUM) + sumLanes(total), SUM)
  const most = maxLanes(largest)
  f32.store(factors + (column << 2), most / WEIGHT_MAX)
  const inverse = f32x4.splat(most > 0 ? WEIGHT_MAX / most : 0), rounding = roundingConstant()
  const stride = columns << 2
  let to = weights + (column << 2)
  for (let i = at; i < at + end; i += 64) {
    const a = nearestIntegers(f32x4.mul(v128.load(i), inverse), rounding)
    const b = nearestIntegers(f32x4.mul(v128.load(i, 16), inverse), rounding)
    const c = nearestIntegers(f32x4.mul(v128.load(i, 32), inverse), rounding)
    const d = nearestIntegers(f32x4.mul(v128.load(i, 48), inverse), rounding)
    const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
    v128.store32_lane(to, bytes, 0)
    v128.store32_lane(to + stride, bytes, 1)
    v128.store32_lane(to + 2 * stride, bytes, 2)
    v128.store32_lane(to + 3 * stride, bytes, 3)
    to += 4 * stride
  }
}

/** Largest of scores f32 of `bytes` bytes. */
@inline
function largestScore(scores: usize, bytes: i32): f32 {
  let a = v128.load(scores), b = v128.load(scores, 16), c = v128.load(scores, 32), d = v128.load(scores, 48)
  for (let i = scores + 64; i < scores + bytes; i += 64) {
    a = f32x4.pmax(a, v128.load(i))
    b = f32x4.pmax(b, v128.load(i, 16))
    c = f32x4.pmax(c, v128.load(i, 32))
    d = f32x4.pmax(d, v128.load(i, 48))
  }
  return maxLanes(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)))
}

/** out of each column += factor * weights . values */
@inline
function addValues(columns: i32, out: usize, values: usize, positions: i32, headDim: i32): void {
  const zero = i32x4.splat(0)
  for (let first = 0; first < headDim; first += DOTS_ROWS) {
    dots(columns, values + first * TILE, weights, (positions + 3) >> 2, zero, zero)
    for (let column = 0; column < columns; column++) {
      const sums = sumsOf(column), to = out + i32.load(places + (column << 2)) + (first << 2)
      const factor = v128.load32_splat(factors + (column << 2))
      v128.store(to, madd(f32x4.convert_i32x4_s(v128.load(sums)), factor, v128.load(to)))
      v128.store(to, madd(f32x4.convert_i32x4_s(v128.load(sums, 16)), factor, v128.load(to, 16)), 16)
    }
  }
}

/**
 * out <- softmax(q k / sqrt(headDim)) v for all heads of `tokens` tokens at positions from `position` on, each over the positions up to its own
 * (grouped-query attention, Ainslie et al. 2023: query head h reads KV head h * kvHeads / heads).
 * out, q (tokens, heads, headDim) f32; keys, values: as in kv-cache.ts; scratch: attendScratchBytes.
 */
export function attend(
  out: usize, q: usize, keys: usize, values: usize, scratch: usize,
  position: i32, tokens: i32, heads: i32, kvHeads: i32, capacity: i32, headDim: i32,
): void {
  const slots = slotsOf(capacity)
  const queries = heads / kvHeads
  const columns = tokens * queries
  const count = position + tokens
  const states = scratch + columns * headDim
  const keyScales = keys + kvHeads * slots * headDim, valueScales = values + kvHeads * slots * headDim
  const biases = keyScales + ((kvHeads * slots) << 2)
  const normalizer: f32 = <f32>Math.LOG2E / sqrt<f32>(<f32>headDim)
  memory.fill(out, 0, (tokens * heads * headDim) << 2)
  for (let head = 0; head < kvHeads; head++) {
    for (let column = 0; column < columns; column++) {
      const first = column - column % MAX_DOTS_COLUMNS
      const bytes = scratch + first * headDim + ((column - first) << 2)
      const from = q + placeOf(column, queries, head, heads, headDim)
      const state = states + column * STATE_BYTES
      f32.store(state, roundQuery(bytes, min(MAX_DOTS_COLUMNS, columns - first), from, headDim) * normalizer, SCALE)
      f32.store(state, -Infinity, TOP)
      f32.store(state, 0, SUM)
    }
    for (let tile = 0; tile < count; tile += TILE) {
      const slot = head * slots + tile, at = slot << 2
      for (let first = 0; first < columns; first += MAX_DOTS_COLUMNS) {
        const block = min(MAX_DOTS_COLUMNS, columns - first)
        // The last column of a block is that of the latest token, which sees the most positions.
        const most = min(TILE, position + (first + block - 1) / queries + 1 - tile)
        if (most <= 0) continue
        score(block, scratch + first * headDim, keys + slot * headDim, keyScales + at, biases + at, most, headDim)
        if (most < TILE) memory.fill(weights, 0, MAX_DOTS_COLUMNS * TILE)
        for (let i = 0; i < block; i++) {
          const column = first + i, place = placeOf(column, queries, head, heads, headDim)
          const seen = min(TILE, position + column / queries + 1 - tile)
          i32.store(places + (i << 2), place)
          f32.store(factors + (i << 2), 0)
          if (seen > 0) weigh(i, block, states + column * STATE_BYTES, valueScales + at, seen, out + place, headDim)
        }
        addValues(block, out, values + slot * headDim, most, headDim)
      }
    }
    for (let column = 0; column < columns; column++) {
      scaleBy(out + placeOf(column, queries, head, heads, headDim), headDim, 1 / f32.load(states + column * STATE_BYTES, SUM))
    }
  }
}

/** Bytes from q, or out, to those of a column: column = token * queries + query of the KV head. */
@inline
function placeOf(column: i32, queries: i32, head: i32, heads: i32, headDim: i32): i32 {
  return (((column / queries) * heads + head * queries + (column % queries)) * headDim) << 2
}
