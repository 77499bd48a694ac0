import type { PlannedTensor } from '../pack/plan-tensor.ts'
import { bandMatrix, bandName } from '../weights/bands.ts'
import { isMatrix, type PlannedMatrix } from './planned-weights.ts'

// A tokenizer numbers tokens by how often it met them when it was made. So the first rows of a vocabulary are used most, and most rows hardly
// ever: of 17,714 tokens of the calibration text 79 % are among the first 8,192 of Qwen2.5's 151,936.

const BAND_ROWS = 8192
/** Of a row's weight, the part that is the same for all rows; the rest is how often the calibration text has it. Users write other texts, too. */
const EVEN_SHARE = 0.1

/** The same plan with the matrices of the vocabulary in bands of so many rows, whole tiles. */
export function inBands(planned: readonly PlannedTensor[], bandRows = BAND_ROWS): PlannedTensor[] {
  return planned.flatMap((tensor) => {
    const matrix = bandMatrix(tensor.entry.name)
    if (matrix === undefined || !isMatrix(tensor)) return [tensor]
    const [rows, cols] = tensor.entry.shape
    return Array.from({ length: Math.ceil(rows / bandRows) }, (_, i) => {
      const firstRow = i * bandRows
      const shape: [number, number] = [Math.min(bandRows, rows - firstRow), cols]
      return { ...tensor, firstRow, entry: { ...tensor.entry, name: bandName(matrix, i), shape } }
    })
  })
}

/** The same plan with bands that are alike and stand side by side as one. */
export function mergedBands(planned: readonly PlannedTensor[]): PlannedTensor[] {
  const merged: PlannedTensor[] = []
  let index = 0
  for (const tensor of planned) {
    const matrix = bandMatrix(tensor.entry.name)
    const before = merged.at(-1)
    if (matrix === undefined || !isMatrix(tensor)) merged.push(tensor)
    else if (before !== undefined && bandMatrix(before.entry.name) === matrix && isMatrix(before)) {
      const { entry } = before
      if (entry.planes === tensor.entry.planes && entry.groupSize === tensor.entry.groupSize) {
        const shape: [number, number] = [entry.shape[0] + tensor.entry.shape[0], entry.shape[1]]
        merged[merged.length - 1] = { ...before, entry: { ...entry, shape } }
      } else merged.push({ ...tensor, entry: { ...tensor.entry, name: bandName(matrix, ++index) } })
    } else {
      index = 0
      merged.push(tensor)
    }
  }
  return merged
}

/** Of all tokens that a model reads and writes, the share of each of some bands, in order. */
export function bandShares(bands: readonly PlannedMatrix[], sequences: readonly (readonly number[])[]): number[] {
  const tokens = sequences.flat()
  const vocabulary = bands.reduce((sum, { entry }) => sum + entry.shape[0], 0)
  return bands.map(({ entry, firstRow = 0 }) => {
    const [rows] = entry.shape
    const count = tokens.filter((id) => id >= firstRow && id < firstRow + rows).length
    return ((1 - EVEN_SHARE) * count) / tokens.length + (EVEN_SHARE * rows) / vocabulary
  })
}
