/// <reference lib="esnext.float16" />

import { loadTensors } from '../../src/weights/load-tensors.ts'
import type { Manifest, PlanesTensor, Tensor } from '../../src/weights/manifest.ts'
import { planeFormat } from '../../src/weights/plane-layout.ts'
import type { WeightStore } from '../../src/weights/weight-store.ts'
import { groupScales } from '../kernels/planes.reference.ts'
import { unpackPlanes } from './unpack-planes.ts'

/** The weights that a pack stands for, by the names of its tensors. Throws WeightsError. */
export async function packedWeights(store: WeightStore, manifest: Manifest): Promise<Map<string, Float32Array>> {
  const bytes = new Map<Tensor, Uint8Array>()
  await loadTensors(store, manifest, (tensor, length) => {
    bytes.set(tensor, new Uint8Array(length))
    return bytes.get(tensor)!
  })
  return new Map(
    [...bytes].map(([tensor, data]) => [
      tensor.name,
      tensor.kind === 'planes' ? weightsOf(tensor, data) : new Float32Array(data.buffer),
    ]),
  )
}

function weightsOf(tensor: PlanesTensor, bytes: Uint8Array): Float32Array {
  const [rows, cols] = tensor.shape
  const matrix = unpackPlanes(bytes, { rows, cols, ...planeFormat(tensor) })
  const { q, mins } = matrix
  const scale = groupScales(matrix)
  const min = mins && new Float16Array(mins.buffer)
  return Float32Array.from(q, (level, i) => {
    const group = Math.floor(i / tensor.groupSize)
    return min ? scale[group] * level + min[group] : scale[group] * (level + tensor.zeroPoint!)
  })
}
