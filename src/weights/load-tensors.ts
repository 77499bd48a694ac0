import { ByteSource } from './byte-source.ts'
import type { Span, Tensor } from './manifest.ts'
import { tensorBytes } from './plane-layout.ts'
import { sha256Hex } from './sha256.ts'
import type { WeightStore } from './weight-store.ts'
import { shardCorrupt, shardTruncated } from './weights-error.ts'

/** Shards read at the same time. */
const PARALLEL_READS = 4

/** A run of bytes in a shard and the memory it goes to, of the same length. */
export interface Placement {
  readonly span: Span
  readonly into: Uint8Array
}

export type Progress = (bytesLoaded: number, bytesTotal: number) => void

/**
 * Load tensors into memory of the caller. `allocate` is called for every tensor, in manifest order, before anything is read,
 * and its views must stay valid to the end: a Wasm memory must have grown to its full size first.
 * Throws WeightsError; memory is then filled in part and must not be used.
 */
export async function loadTensors(
  store: WeightStore,
  manifest: { readonly tensors: readonly Tensor[] },
  allocate: (tensor: Tensor, bytes: number) => Uint8Array,
  progress?: Progress,
): Promise<void> {
  const placements: Placement[] = []
  for (const tensor of manifest.tensors) {
    const memory = allocate(tensor, tensorBytes(tensor))
    let at = 0
    for (const span of tensor.spans) {
      placements.push({ span, into: memory.subarray(at, at + span.bytes) })
      at += span.bytes
    }
  }
  await readSpans(store, placements, progress)
}

/** The bytes of one span. */
export async function readSpan(store: WeightStore, span: Span): Promise<Uint8Array> {
  const into = new Uint8Array(span.bytes)
  await readSpans(store, [{ span, into }])
  return into
}

/** Read spans to where they belong, every shard in one pass, and check the sha256 of each. Throws WeightsError. */
export async function readSpans(
  store: WeightStore,
  placements: readonly Placement[],
  progress?: Progress,
): Promise<void> {
  const total = placements.reduce((sum, { span }) => sum + span.bytes, 0)
  const shards = [...Map.groupBy(placements, ({ span }) => span.shard)]
  let loaded = 0
  const readNext = async (): Promise<void> => {
    for (let shard = shards.shift(); shard !== undefined; shard = shards.shift()) {
      await readShard(store, ...shard, (bytes) => {
        loaded += bytes
        progress?.(loaded, total)
      })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_READS }, readNext)).finally(() => {
    shards.length = 0
  })
}

async function readShard(
  store: WeightStore,
  file: string,
  placements: readonly Placement[],
  advance: (bytes: number) => void,
): Promise<void> {
  const ordered = placements.toSorted((a, b) => a.span.offset - b.span.offset)
  const first = ordered[0].span.offset
  const { span: last } = ordered[ordered.length - 1]
  const { stream, start } = await store.open(file, first, last.offset + last.bytes - first)
  const source = new ByteSource(stream)
  try {
    let at = start
    for (const { span, into } of ordered) {
      const gap = span.offset - at
      const had = (await source.skip(gap)) + (await source.fill(into))
      if (had < gap + span.bytes) throw shardTruncated(file, at + had)
      if ((await sha256Hex(into)) !== span.sha256) throw shardCorrupt(file)
      at = span.offset + span.bytes
      advance(span.bytes)
    }
  } finally {
    await source.cancel()
  }
}
