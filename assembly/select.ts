import { exp4, maxLanes, sumLanes } from './simd'

/** Largest of logits (size) f32, size a multiple of 4. */
export function maxLogit(logits: usize, size: i32): f32 {
  const bytes = size << 2
  let largest = v128.load(logits)
  for (let i = 16; i < bytes; i += 16) largest = f32x4.max(largest, v128.load(logits + i))
  return maxLanes(largest)
}

/**
 * Sum of e^((logit - top) * factor) over logits (size) f32, size a multiple of 4; with top = the largest logit, log-sum-exp is
 * top * factor + log(sum). Partial sums of 1024 go to double precision, so that 166,000 small terms are not lost.
 */
export function sumExp(logits: usize, size: i32, top: f32, factor: f32): f64 {
  const bytes = size << 2
  const tops = f32x4.splat(top), factors = f32x4.splat(factor)
  let total: f64 = 0
  for (let start = 0; start < bytes; start += 4096) {
    const end = min(start + 4096, bytes)
    let sum = f32x4.splat(0)
    for (let i = start; i < end; i += 16) {
      sum = f32x4.add(sum, exp4(f32x4.mul(f32x4.sub(v128.load(logits + i), tops), factors)))
    }
    total += <f64>sumLanes(sum)
  }
  return total
}

/** Whether candidate (a, idA) comes after (b, idB): lower logit, or the same and a higher id. */
@inline
function worse(a: f32, idA: i32, b: f32, idB: i32): bool {
  return a < b || (a == b && idA > idB)
}

/** Sift the item (logit, id) down from `hole` in a heap of `size` whose root is the worst candidate. */
@inline
function siftDown(ids: usize, values: usize, hole: i32, size: i32, logit: f32, id: i32): void {
  for (;;) {
    let child = 2 * hole + 1
    if (child >= size) break
    const other = child + 1
    if (other < size && worse(f32.load(values + (other << 2)), i32.load(ids + (other << 2)), f32.load(values + (child << 2)), i32.load(ids + (child << 2)))) child = other
    const childLogit = f32.load(values + (child << 2)), childId = i32.load(ids + (child << 2))
    if (!worse(childLogit, childId, logit, id)) break
    f32.store(values + (hole << 2), childLogit)
    i32.store(ids + (hole << 2), childId)
    hole = child
  }
  f32.store(values + (hole << 2), logit)
  i32.store(ids + (hole << 2), id)
}

/**
 * The k largest logits in descending order, ties by ascending id.
 * ids (k) i32, values (k) f32 <- logits (size) f32; 1 <= k <= size; size a multiple of 4. A heap of k whose root is the
 * smallest kept: most vectors of four fail the comparison with it and are skipped.
 */
export function selectTop(ids: usize, values: usize, logits: usize, size: i32, k: i32): void {
  for (let i = 0; i < k; i++) {
    f32.store(values + (i << 2), f32.load(logits + (i << 2)))
    i32.store(ids + (i << 2), i)
  }
  for (let i = (k >> 1) - 1; i >= 0; i--) {
    siftDown(ids, values, i, k, f32.load(values + (i << 2)), i32.load(ids + (i << 2)))
  }
  let id = k
  for (; id < size && (id & 3) != 0; id++) offer(ids, values, logits, id, k)
  let threshold = f32x4.splat(f32.load(values))
  for (; id < size; id += 4) {
    if (!v128.any_true(f32x4.gt(v128.load(logits + (id << 2)), threshold))) continue
    for (let j = id; j < id + 4; j++) offer(ids, values, logits, j, k)
    threshold = f32x4.splat(f32.load(values))
  }
  for (let last = k - 1; last > 0; last--) {
    const logit = f32.load(values + (last << 2)), lastId = i32.load(ids + (last << 2))
    f32.store(values + (last << 2), f32.load(values))
    i32.store(ids + (last << 2), i32.load(ids))
    siftDown(ids, values, 0, last, logit, lastId)
  }
}

/** Take the candidate in if it beats the worst kept one. Later ids lose ties, so a plain comparison is enough. */
@inline
function offer(ids: usize, values: usize, logits: usize, id: i32, k: i32): void {
  const logit = f32.load(logits + (id << 2))
  if (logit > f32.load(values)) siftDown(ids, values, 0, k, logit, id)
}
