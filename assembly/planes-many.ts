import { QUAD, SCALE_BYTES, TABLE_ENTRIES, TILE_ROWS, VECTOR_BYTES } from './layout'
import { runFour } from './planes-four'
import { closeProducts, closeStepped, openProducts, openStepped, runColumns, scaleBytes } from './planes-sums'
import { addMins, products, unpack, unpackedIndexes } from './planes-unpacked'

/** The whole matrix and the first `inFours` columns, whole blocks of four. */
@inline
export function multiplyMany(
  y: usize, w: usize, tables: usize, rows: i32, cols: i32, inFours: i32, columns: i32, yStride: i32, groupSize: i32, centre: f32,
  hasMin: bool, P: i32, paired: bool, stepped: bool,
): void {
  const quads = groupSize / QUAD
  const stride = P * VECTOR_BYTES
  const runQuads = runColumns(groupSize, paired) / QUAD
  const groups = cols / groupSize
  const tableBytes = groupSize * (TABLE_ENTRIES / QUAD)
  const blockBytes = quads * stride + scaleBytes(hasMin, stepped)
  let block = w
  for (let row = 0; row < rows; row += TILE_ROWS) {
    let table = tables
    let factors = tables + columns * cols * (TABLE_ENTRIES / QUAD)
    if (stepped) openStepped(products, inFours)
    else openProducts(products, y + (row << 2), yStride, inFours)
    for (let group = 0; group < groups; group++) {
      unpack(block, quads, P, hasMin, stepped)
      let at = centre
      for (let first = 0; first < quads; first += runQuads) {
        for (let i = 0; i < inFours >> 2; i++) {
          const entries = table + 4 * (i * tableBytes + first * TABLE_ENTRIES)
          const four = factors + 32 * i
          for (let half = 0; half < 2; half++) {
            const to = products + i * (4 * TILE_ROWS * 4) + half * 64
            const index = unpackedIndexes(half, first, quads, P)
            runFour(to, index, entries, runQuads, P > 4 ? 4 : P, stride, half, four, 1, at, paired, stepped)
            if (P > 4) {
              runFour(to, index + 4 * VECTOR_BYTES, entries, runQuads, P - 4, stride, half, four, 16, 0, paired, stepped)
            }
          }
        }
        at = 0
      }
      if (hasMin) addMins(inFours, factors)
      block += blockBytes
      table += columns * tableBytes
      factors += columns << 3
    }
    if (stepped) {
      closeStepped(y + (row << 2), products, block, yStride, 0, inFours)
      block += TILE_ROWS * SCALE_BYTES
    } else {
      closeProducts(y + (row << 2), products, yStride, inFours)
    }
  }
}
