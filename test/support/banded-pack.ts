import { packPlanes, type QuantizedMatrix } from '../../src/pack/planes/layout.ts'
import { roundToPlanes } from '../../src/pack/planes/round.ts'
import { ShardWriter } from '../../src/pack/shard-writer.ts'
import { bandMatrix, bandName, type VocabularyMatrix } from '../../src/weights/bands.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { readSpan } from '../../src/weights/load-tensors.ts'
import type { Manifest, PlanesTensor, Span, Tensor } from '../../src/weights/manifest.ts'
import { centredZeroPoint, planeFormat, tileBytes } from '../../src/weights/plane-layout.ts'
import type { Band } from './banded-shape.ts'

/**
 * The pack of a folder once more in another one, with an embedding and a head in these bands, of random rows of which no two are alike; the rows
 * are the same for any bands, but for what their formats make of them.
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
  return bands.map(({ rows, ...format }, index) => {
    const shape: [number, number] = [rows, cols]
    const weights = Float32Array.from({ length: rows * cols }, () => (random() - 0.5) / 4)
    const rounded = roundToPlanes(weights, { rows, cols, ...format })
    const zeroPoint = format.scales ? centredZeroPoint(format.planes) : null
    const entry: PlanesTensor = {
      ...{ name: bandName(matrix, index), kind: 'planes', shape, ...format, zeroPoint, spans: [] },
    }
    return { entry, bytes: packPlanes(format.scales ? inSteps(rounded) : rounded) }
  })
}

/** Of the same integers: other weights, with a scale for each row and any steps of it for its groups. */
function inSteps({ rows, cols, planes, groupSize, q, scales }: QuantizedMatrix): QuantizedMatrix {
  const groups = cols / groupSize
  const steps = Uint8Array.from({ length: rows * groups }, (_, i) => 128 + ((i * 7) % 128))
  return { rows, cols, planes, groupSize, q, scales: scales.filter((_, i) => i % groups === 0), steps, mins: null }
}

/** The generator of Lehmer (1951): numbers from 0 to 1. */
function lehmer(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}
