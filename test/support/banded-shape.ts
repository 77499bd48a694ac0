import fc from 'fast-check'
import { bandMatrix, bandName } from '../../src/weights/bands.ts'
import type { PlanesTensor, Tensor } from '../../src/weights/manifest.ts'
import { centredZeroPoint } from '../../src/weights/plane-layout.ts'

export type Band = Pick<PlanesTensor, 'planes' | 'groupSize' | 'scales'> & { readonly rows: number }

/** Bands of up to `tiles` tiles each; the last row of a tile may be missing at their end. */
export function someBands(tiles: number): fc.Arbitrary<Band[]> {
  const band = fc.record({
    rows: fc.integer({ min: 1, max: tiles }).map((count) => count * 32),
    planes: fc.integer({ min: 1, max: 8 }),
    groupSize: fc.constantFrom(32 as const, 64 as const, 128 as const),
    scales: fc.constantFrom(undefined, 'steps' as const),
  })
  return fc
    .tuple(fc.array(band, { minLength: 1, maxLength: 5 }), fc.integer({ min: 0, max: 31 }))
    .map(([bands, missing]) =>
      bands.map((one, i) => (i < bands.length - 1 ? one : { ...one, rows: one.rows - missing })),
    )
}

export const rowsOf = (bands: readonly Band[]) => bands.reduce((sum, { rows }) => sum + rows, 0)

/** The same with each matrix of the vocabulary in these bands, which have all its rows. */
export function withBands<Model extends { readonly tensors: readonly Tensor[] }>(
  model: Model,
  { embedding, head }: { readonly embedding: readonly Band[]; readonly head: readonly Band[] },
): Model & { tensors: Tensor[] } {
  const tensors = model.tensors.flatMap((tensor): Tensor[] => {
    const matrix = bandMatrix(tensor.name)
    if (matrix === undefined || tensor.kind !== 'planes') return [tensor]
    const bands = matrix === 'head' ? head : embedding
    return bands.map(({ rows, ...format }, index) => {
      const shape: [number, number] = [rows, tensor.shape[1]]
      return { ...tensor, name: bandName(matrix, index), shape, ...format, zeroPoint: centredZeroPoint(format.planes) }
    })
  })
  return { ...model, tensors }
}
