import { MAX_COLUMNS } from '../../assembly/layout.ts'
import type { Progress } from '../weights/load-tensors.ts'
import type { Manifest, ModelConfig } from '../weights/manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { WeightsError } from '../weights/weights-error.ts'
import { Arena, CountingArena, MAX_MEMORY_BYTES, memorySize } from './arena.ts'
import { EdgeModel, type Slot } from './edge-model.ts'
import { Head, logitBytes } from './head.ts'
import { instantiateKernels, type KernelModules, type Kernels } from './kernels.ts'
import { allocateKvCache } from './kv-cache.ts'
import { allocateWeights, loadWeights, type Weights } from './load-weights.ts'
import { Stage } from './stage.ts'

/** Most sequences whose next tokens the head computes at once: more of them gain little (docs/kernels.md), and their logits are large. */
const MAX_HEAD_COLUMNS = 8
/** Tokens run through a layer at once, of all sequences: past this the tables of a chunk leave the second-level cache. */
export const CHUNK_LENGTH = MAX_COLUMNS

export interface LoadOptions {
  /** Tokens a sequence can hold; the model's own limit where that is smaller. */
  readonly contextLength: number
  /** Fewest sequences held at once. */
  readonly sequences: number
  /** As many more as are held in KV caches of so many bytes in all, and of what an isolate can have; left out: none. */
  readonly cacheBytes?: number
  readonly build?: keyof KernelModules
  readonly progress?: Progress
}

/** Load a whole model into one Wasm memory of exactly the size it needs. Throws WeightsError. */
export async function loadModel(
  store: WeightStore,
  manifest: Manifest,
  modules: KernelModules,
  options: LoadOptions,
): Promise<EdgeModel> {
  const { config } = manifest
  const capacity = Math.min(options.contextLength, config.maxPositionEmbeddings)
  // The kernels' size functions need no memory of their own, and the size decides the memory.
  const sizes = await instantiateKernels(modules, new CountingArena().memory, options.build)
  const slot = new CountingArena()
  allocateSlot(slot, sizes, config, capacity)
  const columnsOf = (sequences: number) => Math.min(sequences, MAX_HEAD_COLUMNS)
  const withOne = Array.from({ length: MAX_HEAD_COLUMNS }, (_, i) => {
    const counted = new CountingArena()
    build(counted, sizes, config, allocateWeights(counted, manifest.tensors), capacity, 1, i + 1)
    return counted.total
  })
  const bytesOf = (sequences: number) => withOne[columnsOf(sequences) - 1] + (sequences - 1) * slot.total
  const fits = (sequences: number) => memorySize(bytesOf(sequences)) <= MAX_MEMORY_BYTES
  let { sequences } = options
  if (!fits(sequences)) throw tooLarge(manifest.name, bytesOf(sequences), capacity, sequences)
  while ((sequences + 1) * slot.total <= (options.cacheBytes ?? 0) && fits(sequences + 1)) sequences++
  const arena = new Arena(bytesOf(sequences))
  const kernels = await instantiateKernels(modules, arena.memory, options.build)
  const weights = await loadWeights(store, manifest.tensors, arena, options.progress)
  return build(arena, kernels, config, weights, capacity, sequences, columnsOf(sequences))
}

function build(
  arena: Arena,
  kernels: Kernels,
  config: ModelConfig,
  weights: Weights,
  capacity: number,
  sequences: number,
  headColumns: number,
): EdgeModel {
  const layers = Array.from({ length: config.layerCount }, (_, i) => weights.layer(i))
  const embedding = weights.bands('embedding')
  const head = config.tiedEmbedding ? embedding : weights.bands('head')
  return new EdgeModel({
    arena,
    kernels,
    config,
    embedding,
    stage: new Stage(arena, kernels, config, layers, CHUNK_LENGTH),
    head: new Head(
      arena,
      kernels,
      config,
      weights.vector('norm'),
      head,
      weights.optionalMatrix('headInput'),
      headColumns,
    ),
    slots: Array.from({ length: sequences }, () => allocateSlot(arena, kernels, config, capacity)),
    hidden: arena.allocate(CHUNK_LENGTH * config.hiddenSize * 4),
    chunkLength: CHUNK_LENGTH,
    logits: arena.allocate(headColumns > 1 ? headColumns * logitBytes(config.vocabSize) : 0),
    headColumns,
  })
}

function tooLarge(name: string, bytes: number, contextLength: number, sequences: number): WeightsError {
  const mib = (count: number) => Math.ceil(count / 2 ** 20)
  return new WeightsError(
    'model_too_large',
    `${name} with ${sequences} x ${contextLength} tokens of context takes ${mib(bytes)} MiB of Wasm memory, of which an isolate has ` +
      `${mib(MAX_MEMORY_BYTES)} at most: set a smaller CONTEXT_LENGTH or SEQUENCES, pack it with fewer planes, or run it as a pipeline (deploy/README.md)`,
  )
}

function allocateSlot(arena: Arena, kernels: Kernels, config: ModelConfig, capacity: number): Slot {
  return {
    cache: allocateKvCache(arena, kernels, config, config.layerCount, capacity),
    last: arena.allocate(config.hiddenSize * 4),
    logits: arena.allocate(logitBytes(config.vocabSize)),
  }
}
