/// <reference lib="esnext.float16" />
import { QUAD, STEPS, TABLE_ENTRIES } from '../../assembly/layout.ts'
import type { QuantizedMatrix } from '../../src/pack/planes/layout.ts'
import type { Tables } from './tables.reference.ts'

/** W x for some columns, in double precision. */
export interface Product {
  /** (columns, rows) */
  readonly y: Float64Array
  /** (columns, rows): sum of the sizes of all terms of y, which bounds its rounding. */
  readonly magnitudes: Float64Array
}

/** Half floats from their bits. */
export function halves(bits: Uint16Array): Float16Array {
  return new Float16Array(bits.buffer, bits.byteOffset, bits.length)
}

/** (rows, cols / groupSize): the scale of each group, exact. */
export function groupScales({ cols, groupSize, scales, steps }: QuantizedMatrix): Float64Array {
  const stored = halves(scales)
  if (steps === undefined) return Float64Array.from(stored)
  return Float64Array.from(steps, (step, i) => (stored[Math.floor((i * groupSize) / cols)] * step) / STEPS)
}

function emptyProduct(rows: number, columns: number): Product {
  return { y: new Float64Array(columns * rows), magnitudes: new Float64Array(columns * rows) }
}

/** W x with the float activations x (columns, cols) themselves: w = scale (q + zeroPoint) + min. */
export function exactProduct(w: QuantizedMatrix, zeroPoint: number, x: Float32Array, columns: number): Product {
  const { rows, cols, groupSize } = w
  const product = emptyProduct(rows, columns)
  const [scales, mins] = [groupScales(w), w.mins && halves(w.mins)]
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) {
      const group = Math.floor((row * cols + col) / groupSize)
      const weight = scales[group] * (w.q[row * cols + col] + zeroPoint) + (mins ? mins[group] : 0)
      for (let column = 0; column < columns; column++) {
        const term = weight * x[column * cols + col]
        product.y[column * rows + row] += term
        product.magnitudes[column * rows + row] += Math.abs(term)
      }
    }
  }
  return product
}

/**
 * W x as the kernel computes it, from rounded tables and with integer sums, but in double precision:
 *   y = sum over groups of  scale (factor S + centre sum(x)) + min sum(x),   S = sum_p 2^p sum over quads of entry[bits]
 * Reads the integers of the matrix, not its packed bytes.
 */
export function tableProduct(w: QuantizedMatrix, zeroPoint: number, tables: Tables, columns: number): Product {
  const { rows, cols, groupSize, planes } = w
  const groups = cols / groupSize
  const centre = (2 ** planes - 1) / 2 + zeroPoint
  const product = emptyProduct(rows, columns)
  const [scales, mins] = [groupScales(w), w.mins && halves(w.mins)]
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const scale = scales[row * groups + group]
      const min = mins?.[row * groups + group] ?? 0
      const first = row * cols + group * groupSize
      const indexes = tableIndexes(w.q.subarray(first, first + groupSize), planes)
      for (let column = 0; column < columns; column++) {
        const i = group * columns + column
        const { sum, magnitude } = integerSum(indexes, planes, tables.entries, i * groupSize * (TABLE_ENTRIES / QUAD))
        const at = column * rows + row
        product.y[at] += scale * (tables.scales[i] * sum + centre * tables.sums[i]) + min * tables.sums[i]
        product.magnitudes[at] +=
          Math.abs(scale) * (tables.scales[i] * magnitude + Math.abs(centre) * tables.magnitudes[i]) +
          Math.abs(min) * tables.magnitudes[i]
      }
    }
  }
  return product
}

/** (quads, planes): the bits of one plane of four weights, the first lowest. */
function tableIndexes(q: Uint8Array, planes: number): Uint8Array {
  return Uint8Array.from({ length: (q.length / QUAD) * planes }, (_, i) => {
    const [quad, plane] = [Math.floor(i / planes) * QUAD, i % planes]
    let index = 0
    for (let bit = 0; bit < QUAD; bit++) index |= ((q[quad + bit] >> plane) & 1) << bit
    return index
  })
}

/** S of one row, group and column, and the same of |entries|. */
function integerSum(indexes: Uint8Array, planes: number, entries: Int8Array, table: number) {
  let sum = 0
  let magnitude = 0
  for (let i = 0; i < indexes.length; table += TABLE_ENTRIES) {
    for (let plane = 0; plane < planes; plane++) {
      const entry = entries[table + indexes[i++]]
      sum += 2 ** plane * entry
      magnitude += 2 ** plane * Math.abs(entry)
    }
  }
  return { sum, magnitude }
}

/**
 * (columns, rows): how far rounded tables can take y from the exact product. An entry is off by at most half a step
 * (and 0.0001 for float32, see tables.test.ts), there is one for each quad and plane, and plane p counts 2^p:
 *   sum over groups of  |scale| step (2^planes - 1) (groupSize / 4) / 2
 */
export function tableBound(w: QuantizedMatrix, tables: Tables, columns: number): Float64Array {
  const groups = w.cols / w.groupSize
  const scales = groupScales(w)
  const halfSteps = (2 ** w.planes - 1) * (w.groupSize / QUAD) * (0.5 + 1e-4)
  return Float64Array.from({ length: columns * w.rows }, (_, at) => {
    const [column, row] = [Math.floor(at / w.rows), at % w.rows]
    let bound = 0
    for (let group = 0; group < groups; group++) {
      bound += Math.abs(scales[row * groups + group]) * tables.scales[group * columns + column] * halfSteps
    }
    return bound
  })
}
