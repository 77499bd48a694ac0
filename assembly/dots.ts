import { fusesQuadDots, onesOfPairs, quadDot } from './simd'

// The inner loop of attention, for scores and for values alike: eight rows of bytes times up to five columns of bytes. A vector holds four rows
// of four bytes; a column's four bytes meet all four rows. Two vectors of rows, five columns, ten sums and the ones fill the registers.

/** Most columns at once. */
export const MAX_DOTS_COLUMNS: i32 = 5
/** Rows at once. */
export const DOTS_ROWS: i32 = 8

/** (MAX_DOTS_COLUMNS, 8 rows) i32 */
const sums = memory.data(MAX_DOTS_COLUMNS * DOTS_ROWS * 4, 64)

/** Sums of one column, (8) i32. */
@inline
export function sumsOf(column: i32): usize {
  return sums + column * (DOTS_ROWS * 4)
}

/** How four products are added up: found out when the module starts, so that no caller need choose. Tests set it, to see both ways. */
export let fused: bool = fusesQuadDots()

/**
 * sums (columns, 8) <- start + rows . columns, over `steps` quads of bytes.
 * rows: int8 (steps, 8 rows, 4); bytes (steps, columns, 4) of 0 .. 127; start0, start1 (4) i32: of rows 0 .. 3 and 4 .. 7, in every column.
 */
@inline
export function dots(columns: i32, rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  if (ASC_FEATURE_RELAXED_SIMD && fused) {
    switch (columns) {
      case 1: fused1(rows, bytes, steps, start0, start1); break
      case 2: fused2(rows, bytes, steps, start0, start1); break
      case 3: fused3(rows, bytes, steps, start0, start1); break
      case 4: fused4(rows, bytes, steps, start0, start1); break
      default: fused5(rows, bytes, steps, start0, start1)
    }
    return
  }
  switch (columns) {
    case 1: dots1(rows, bytes, steps, start0, start1); break
    case 2: dots2(rows, bytes, steps, start0, start1); break
    case 3: dots3(rows, bytes, steps, start0, start1); break
    case 4: dots4(rows, bytes, steps, start0, start1); break
    default: dots5(rows, bytes, steps, start0, start1)
  }
}

function dots1(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(1, rows, bytes, steps, start0, start1, false)
}
function dots2(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(2, rows, bytes, steps, start0, start1, false)
}
function dots3(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(3, rows, bytes, steps, start0, start1, false)
}
function dots4(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(4, rows, bytes, steps, start0, start1, false)
}
function dots5(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(5, rows, bytes, steps, start0, start1, false)
}
function fused1(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(1, rows, bytes, steps, start0, start1, true)
}
function fused2(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(2, rows, bytes, steps, start0, start1, true)
}
function fused3(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(3, rows, bytes, steps, start0, start1, true)
}
function fused4(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(4, rows, bytes, steps, start0, start1, true)
}
function fused5(rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128): void {
  run(5, rows, bytes, steps, start0, start1, true)
}

/** See dots; `columns` and `fused` are constants after inlining. */
@inline
function run(columns: i32, rows: usize, bytes: usize, steps: i32, start0: v128, start1: v128, fused: bool): void {
  const ones = onesOfPairs()
  let a0 = start0, b0 = start0, c0 = start0, d0 = start0, e0 = start0
  let a1 = start1, b1 = start1, c1 = start1, d1 = start1, e1 = start1
  const end = rows + steps * (DOTS_ROWS * 4)
  do {
    const r0 = v128.load(rows), r1 = v128.load(rows, 16)
    const a = v128.load32_splat(bytes)
    a0 = quadDot(r0, a, ones, a0, fused)
    a1 = quadDot(r1, a, ones, a1, fused)
    if (columns > 1) {
      const b = v128.load32_splat(bytes, 4)
      b0 = quadDot(r0, b, ones, b0, fused)
      b1 = quadDot(r1, b, ones, b1, fused)
    }
    if (columns > 2) {
      const c = v128.load32_splat(bytes, 8)
      c0 = quadDot(r0, c, ones, c0, fused)
      c1 = quadDot(r1, c, ones, c1, fused)
    }
    if (columns > 3) {
      const d = v128.load32_splat(bytes, 12)
      d0 = quadDot(r0, d, ones, d0, fused)
      d1 = quadDot(r1, d, ones, d1, fused)
    }
    if (columns > 4) {
      const e = v128.load32_splat(bytes, 16)
      e0 = quadDot(r0, e, ones, e0, fused)
      e1 = quadDot(r1, e, ones, e1, fused)
    }
    rows += DOTS_ROWS * 4
    bytes += columns << 2
  } while (rows < end)
  v128.store(sums, a0)
  v128.store(sums, a1, 16)
  if (columns > 1) {
    v128.store(sums, b0, 32)
    v128.store(sums, b1, 48)
  }
  if (columns > 2) {
    v128.store(sums, c0, 64)
    v128.store(sums, c1, 80)
  }
  if (columns > 3) {
    v128.store(sums, d0, 96)
    v128.store(sums, d1, 112)
  }
  if (columns > 4) {
    v128.store(sums, e0, 128)
    v128.store(sums, e1, 144)
  }
}
