import { madd } from '../simd'

// C (m, n) <- [C +] factor A B in the manner of BLIS (Van Zee and van de Geijn 2015): blocks of A and B are copied to panels that lie as
// the innermost loop reads them, so that one loop serves every layout. Every sum runs over k in the same order however the work is cut.

/** Rows and columns of C that are in registers at a time. */
const TILE_M: i32 = 4
const TILE_N: i32 = 8
/** Of the blocks that are copied: a panel of B stays in the first-level cache, a block of A in the second. */
const BLOCK_K: i32 = 256
const BLOCK_M: i32 = 64
const BLOCK_N: i32 = 512

/** Bytes of scratch that gemm takes. */
export function gemmScratchBytes(): i32 {
  return (BLOCK_K * (BLOCK_M + BLOCK_N) + TILE_M * TILE_N) * 4
}

/**
 * c (m, n) f32, rows cStride apart; a (m, k): element (i, j) at i * aRow + j * aCol; b (k, n) likewise; all strides in floats.
 * accumulate: add to c, which otherwise is overwritten. scratch: gemmScratchBytes.
 */
export function gemm(
  c: usize, cStride: i32, a: usize, aRow: i32, aCol: i32, b: usize, bRow: i32, bCol: i32, m: i32, n: i32, k: i32, factor: f32,
  accumulate: bool, scratch: usize,
): void {
  const panelsA = scratch
  const panelsB = panelsA + BLOCK_K * BLOCK_M * 4
  const edge = panelsB + BLOCK_K * BLOCK_N * 4
  for (let fromK = 0; fromK < k; fromK += BLOCK_K) {
    const kk = min(BLOCK_K, k - fromK)
    const add = accumulate || fromK > 0
    for (let fromN = 0; fromN < n; fromN += BLOCK_N) {
      const nn = min(BLOCK_N, n - fromN)
      copyPanels(panelsB, b + ((fromK * bRow + fromN * bCol) << 2), bCol, bRow, nn, kk, TILE_N, 1)
      for (let fromM = 0; fromM < m; fromM += BLOCK_M) {
        const mm = min(BLOCK_M, m - fromM)
        copyPanels(panelsA, a + ((fromM * aRow + fromK * aCol) << 2), aRow, aCol, mm, kk, TILE_M, factor)
        for (let j = 0; j < nn; j += TILE_N) {
          for (let i = 0; i < mm; i += TILE_M) {
            const to = c + (((fromM + i) * cStride + fromN + j) << 2)
            const pa = panelsA + ((i * kk) << 2), pb = panelsB + ((j * kk) << 2)
            if (mm - i >= TILE_M && nn - j >= TILE_N) tile(to, cStride << 2, pa, pb, kk, add)
            else {
              tile(edge, TILE_N * 4, pa, pb, kk, false)
              copyEdge(to, cStride << 2, edge, min(TILE_M, mm - i), min(TILE_N, nn - j), add)
            }
          }
        }
      }
    }
  }
}

/** panels [width / tile][k][tile] <- factor x, element (i, j) of x (width, k) at i * along + j * across; the last panel is filled up with zeros. */
@inline
function copyPanels(panels: usize, x: usize, along: i32, across: i32, width: i32, k: i32, tileWidth: i32, factor: f32): void {
  for (let first = 0; first < width; first += tileWidth) {
    const held = min(tileWidth, width - first)
    for (let i = 0; i < tileWidth; i++) {
      let from = x + (((first + i) * along) << 2)
      let to = panels + (i << 2)
      if (i >= held) {
        for (let j = 0; j < k; j++, to += tileWidth << 2) f32.store(to, 0)
      } else {
        for (let j = 0; j < k; j++, to += tileWidth << 2, from += across << 2) f32.store(to, factor * f32.load(from))
      }
    }
    panels += (k * tileWidth) << 2
  }
}

/** c (4, 8), rows `stride` bytes apart, <- [c +] the product of two panels. */
@inline
function tile(c: usize, stride: i32, a: usize, b: usize, k: i32, add: bool): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00
  for (const end = a + (k << 4); a < end; a += 16, b += 32) {
    const b0 = v128.load(b), b1 = v128.load(b, 16)
    const a0 = v128.load32_splat(a), a1 = v128.load32_splat(a, 4), a2 = v128.load32_splat(a, 8), a3 = v128.load32_splat(a, 12)
    c00 = madd(a0, b0, c00)
    c01 = madd(a0, b1, c01)
    c10 = madd(a1, b0, c10)
    c11 = madd(a1, b1, c11)
    c20 = madd(a2, b0, c20)
    c21 = madd(a2, b1, c21)
    c30 = madd(a3, b0, c30)
    c31 = madd(a3, b1, c31)
  }
  storeRow(c, c00, c01, add)
  storeRow(c + stride, c10, c11, add)
  storeRow(c + 2 * stride, c20, c21, add)
  storeRow(c + 3 * stride, c30, c31, add)
}

@inline
function storeRow(c: usize, low: v128, high: v128, add: bool): void {
  v128.store(c, add ? f32x4.add(v128.load(c), low) : low)
  v128.store(c, add ? f32x4.add(v128.load(c, 16), high) : high, 16)
}

function copyEdge(c: usize, stride: i32, edge: usize, rows: i32, cols: i32, add: bool): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++) {
      const to = c + i * stride + (j << 2)
      const value = f32.load(edge + ((i * TILE_N + j) << 2))
      f32.store(to, add ? f32.load(to) + value : value)
    }
  }
}
