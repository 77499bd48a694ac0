import type { PlanesTensor, Tensor } from './manifest.ts'

// A matrix over the vocabulary may be stored in bands of rows, each a tensor with planes and groups of its own: rows of common tokens deserve more
// of them. The first band has the name of the matrix, the next ones `name.1`, `name.2`; all but the last are whole tiles.

export type VocabularyMatrix = 'embedding' | 'head'

export function bandName(matrix: VocabularyMatrix, index: number): string {
  return index === 0 ? matrix : `${matrix}.${index}`
}

/** The matrix that a tensor is a band of, or is the whole of; undefined: it is none of the vocabulary's. */
export function bandMatrix(name: string): VocabularyMatrix | undefined {
  return name.match(/^(embedding|head)(\.[1-9]\d*)?$/)?.[1] as VocabularyMatrix | undefined
}

/** The bands of a matrix, by rows; one where it is stored whole, none where the model has no such matrix. */
export function bandsOf(tensors: readonly Tensor[], matrix: VocabularyMatrix): PlanesTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  const bands: PlanesTensor[] = []
  for (;;) {
    const band = byName.get(bandName(matrix, bands.length))
    if (band?.kind !== 'planes') return bands
    bands.push(band)
  }
}

/** The band that has a row, by its index, and which of its rows that is. */
export function placeOf(bands: readonly { readonly rows: number }[], row: number): { index: number; row: number } {
  let [index, left] = [0, row]
  while (left >= bands[index].rows) left -= bands[index++].rows
  return { index, row: left }
}
