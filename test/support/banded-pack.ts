import { packPlanes } from '../../src/pack/planes/layout.ts'
import { roundToPlanes } from '../../src/pack/planes/round.ts'
import { ShardWriter } from '../../src/pack/shard-writer.ts'
import { bandMatrix, bandName, type VocabularyMatrix } from '../../src/weights/bands.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { readSpan } from '../../src/weights/load-tensors.ts'
import type { Manifest, PlanesTensor, Span, Tensor } from '../../src/weights/manifest.ts'
import { planeFormat, tileBytes } from '../../src/weights/plane-layout.ts'
import type { Band } from './banded-shape.ts'

/**
 * The pack of a folder once more in another one, with an embedding and a head in these bands, of random rows of which no two are alike; the rows
 * are the same for any bands, but for what rounding makes of them.
 */
export async function bandedPack(
  folder: string,
  manifest: Manifest,
  out: string,
  bands: readonly Band[],
): Promise<Manifest> {
  const store = folderStore(folder)
  const writer = await ShardWriter.create(out)
  const copied = async (span: Span) => {
    const [copy] = await writer.write(span.bytes, span.bytes, [await readSpan(store, span)])
    return copy
  }
  const tensors: Tensor[] = []
  for (const tensor of manifest.tensors) {
    const matrix = bandMatrix(tensor.name)
    if (matrix === undefined) {
      const spans: Span[] = []
      for (const span of tensor.spans) spans.push(await copied(span))
      tensors.push({ ...tensor, spans })
    } else {
      for (const { entry, bytes } of bandTensors(matrix, bands, manifest.config.hiddenSize)) {
        const spans = await writer.write(bytes.length, tileBytes(entry.shape[1], planeFormat(entry)), [bytes])
        tensors.push({ ...entry, spans })
      }
    }
  }
  const tokenizer = await copied(manifest.tokenizer)
  return writer.finish((shards) => ({ ...manifest, tokenizer, tensors, shards }))
}

function bandTensors(matrix: VocabularyMatrix, bands: readonly Band[], cols: number) {
  const random = lehmer(matrix === 'head' ? 1 : 2)
  return bands.map(({ rows, planes, groupSize }, index) => {
    const shape: [number, number] = [rows, cols]
    const weights = Float32Array.from({ length: rows * cols }, () => (random() - 0.5) / 4)
    const entry: PlanesTensor = {
      ...{ name: bandName(matrix, index), kind: 'planes', shape, planes, groupSize, zeroPoint: null, spans: [] },
    }
    return { entry, bytes: packPlanes(roundToPlanes(weights, { rows, cols, planes, groupSize })) }
  })
}

/** The generator of Lehmer (1951): numbers from 0 to 1. */
function lehmer(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}
