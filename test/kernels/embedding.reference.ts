import type { QuantizedMatrix } from '../../src/pack/planes/layout.ts'
import { groupScales, halves } from './planes.reference.ts'

/**
 * Row `row` of a matrix: scale (q + zeroPoint), or scale q + min where a minimum is stored. Of half floats, steps and small integers
 * every step is exact in double precision, and all but the last in float32.
 */
export function embeddingRow(w: QuantizedMatrix, zeroPoint: number, row: number): Float32Array {
  const [scales, mins] = [groupScales(w), w.mins && halves(w.mins)]
  return Float32Array.from({ length: w.cols }, (_, col) => {
    const group = Math.floor((row * w.cols + col) / w.groupSize)
    const q = w.q[row * w.cols + col]
    return mins ? scales[group] * q + mins[group] : scales[group] * Math.fround(q + zeroPoint)
  })
}
