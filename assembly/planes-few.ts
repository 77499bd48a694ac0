import { QUAD, SCALE_BYTES, TABLE_ENTRIES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { addMinsOfOne, runOne } from './planes-one'
import { closeProducts, closeStepped, openProducts, openStepped, runColumns, scaleBytes } from './planes-sums'
import { products } from './planes-unpacked'
import { RAISE } from './tables'

/**
 * Parts of the matrix whose tiles are multiplied side by side, an even number. What few columns wait for is memory: four streams keep
 * more of its lines on the way than one, whose prefetching stops at the end of every page.
 */
const STREAMS: i32 = 4

/** Bytes of the products of one tile. */
const TILE_FLOATS = TILE_ROWS * 4

/** products (2 tiles, 32) += a block of one tile and one of another, times one column. factors: (factor, sum). */
@inline
function multiplyBlocks(
  products: usize, block: usize, otherBlock: usize, table: usize, factors: usize, groupSize: i32, centre: f32, hasMin: bool, P: i32,
  paired: bool, stepped: bool,
): void {
  const stride = P * VECTOR_BYTES
  const scales = (groupSize / QUAD) * stride, mins = scales + TILE_ROWS * SCALE_BYTES
  const runQuads = runColumns(groupSize, paired) / QUAD
  const raised = v128.load32_splat(factors), sum = v128.load32_splat(factors, 4)
  const factor = stepped ? f32x4.mul(raised, f32x4.splat(1 / RAISE)) : raised
  let at = f32x4.mul(f32x4.splat(centre), sum)
  for (let first = 0; first < groupSize / QUAD; first += runQuads) {
    const index = first * stride, entries = table + first * TABLE_ENTRIES
    runOne(
      products, block + index, otherBlock + index, entries, runQuads, P > 4 ? 4 : P, stride, block + scales, otherBlock + scales, factor,
      at, paired, stepped,
    )
    at = f32x4.splat(0)
    if (P > 4) {
      const behind = index + 4 * VECTOR_BYTES
      runOne(
        products, block + behind, otherBlock + behind, entries, runQuads, P - 4, stride, block + scales, otherBlock + scales,
        f32x4.mul(factor, f32x4.splat(16)), at, paired, stepped,
      )
    }
  }
  if (hasMin) {
    addMinsOfOne(products, block + mins, sum)
    addMinsOfOne(products + TILE_FLOATS, otherBlock + mins, sum)
  }
}

/** The whole matrix and the columns from `first` on, fewer than LEAST_FOURS. Four tiles stay in the second-level cache between columns. */
@inline
export function multiplyFew(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, first: i32, columns: i32, yStride: i32, groupSize: i32, centre: f32,
  hasMin: bool, P: i32, paired: bool, stepped: bool,
): void {
  const groups = cols / groupSize
  const tableBytes = groupSize * (TABLE_ENTRIES / QUAD)
  const blockBytes = (groupSize / QUAD) * P * VECTOR_BYTES + scaleBytes(hasMin, stepped)
  const tileBytes = groups * blockBytes + (stepped ? TILE_ROWS * SCALE_BYTES : 0)
  const tiles = (rows + TILE_ROWS - 1) / TILE_ROWS
  const part = (tiles + STREAMS - 1) / STREAMS
  const apart = part * tileBytes
  for (let tile = 0; tile < part; tile++) {
    // The last parts may be shorter: what is multiplied in place of a tile that they lack goes nowhere.
    const streams = min(STREAMS, (tiles - tile + part - 1) / part)
    const second = streams > 1 ? apart : 0, third = streams > 2 ? 2 * apart : 0, fourth = streams > 3 ? 3 * apart : 0
    for (let column = first; column < columns; column++) {
      const out = y + column * yStride + tile * TILE_FLOATS
      let block = w + tile * tileBytes
      let table = tables + column * tableBytes
      let factors = tables + columns * cols * (TABLE_ENTRIES / QUAD) + (column << 3)
      if (stepped) openStepped(products, streams)
      else openProducts(products, out, part * TILE_FLOATS, streams)
      for (let group = 0; group < groups; group++) {
        multiplyBlocks(products, block, block + second, table, factors, groupSize, centre, hasMin, P, paired, stepped)
        multiplyBlocks(products + 2 * TILE_FLOATS, block + third, block + fourth, table, factors, groupSize, centre, hasMin, P, paired, stepped)
        block += blockBytes
        table += columns * tableBytes
        factors += columns << 3
      }
      if (stepped) closeStepped(out, products, block, part * TILE_FLOATS, apart, streams)
      else closeProducts(out, products, part * TILE_FLOATS, streams)
    }
  }
}
