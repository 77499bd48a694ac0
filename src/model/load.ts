import { MAX_COLUMNS } from '../../assembly/layout.ts'
import type { Progress } from '../weights/load-tensors.ts'
import type { Manifest, ModelConfig } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { WeightsError } from '../weights/weights-error.ts'
import { Arena, align, MAX_MEMORY_BYTES, memorySize } from './arena.ts'
import { EdgeModel, type Slot } from './edge-model.ts'
import { Head, headScratchBytes } from './head.ts'
import { instantiateKernels, type KernelModules, type Kernels } from './kernels.ts'
import { allocateKvCache, kvCacheBytes } from './kv-cache.ts'
import { loadWeights } from './load-weights.ts'
import { Stage, stageScratchBytes } from './stage.ts'

/** Tokens run through a layer at once in prefill: past this the tables of a chunk leave the second-level cache. */
export const CHUNK_LENGTH = MAX_COLUMNS

export interface LoadOptions {
  /** Tokens a sequence can hold; the model's own limit where that is smaller. */
  readonly contextLength: number
  /** Sequences held at once. */
  readonly sequences: number
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
  const sizes = await instantiateKernels(modules, new Arena(0).memory, options.build)
  const bytes = requiredBytes(sizes, manifest, capacity, options.sequences)
  if (memorySize(bytes) > MAX_MEMORY_BYTES) throw tooLarge(manifest.name, bytes, capacity)
  const arena = new Arena(bytes)
  const kernels = await instantiateKernels(modules, arena.memory, options.build)

  const weights = await loadWeights(store, manifest.tensors, arena, options.progress)
  const layers = Array.from({ length: config.layerCount }, (_, i) => weights.layer(i))
  const embedding = weights.matrix('embedding')
  const head = config.tiedEmbedding ? embedding : weights.matrix('head')

  return new EdgeModel({
    arena,
    kernels,
    config,
    embedding,
    stage: new Stage(arena, kernels, config, layers, CHUNK_LENGTH, capacity),
    head: new Head(arena, kernels, config, weights.vector('norm'), head),
    slots: Array.from({ length: options.sequences }, () => allocateSlot(arena, kernels, config, capacity)),
    hidden: arena.allocate(CHUNK_LENGTH * config.hiddenSize * 4),
    chunkLength: CHUNK_LENGTH,
  })
}

function tooLarge(name: string, bytes: number, contextLength: number): WeightsError {
  const mib = (count: number) => Math.ceil(count / 2 ** 20)
  return new WeightsError(
    'model_too_large',
    `${name} with a context of ${contextLength} takes ${mib(bytes)} MiB of Wasm memory, of which an isolate has ` +
      `${mib(MAX_MEMORY_BYTES)} at most: set a smaller CONTEXT_LENGTH, pack it with fewer planes, or run it as a pipeline (deploy/README.md)`,
  )
}

function requiredBytes(kernels: Kernels, manifest: Manifest, capacity: number, sequences: number): number {
  const { config, tensors } = manifest
  const weights = tensors.reduce((sum, tensor) => sum + align(tensorBytes(tensor)), 0)
  const slot = kvCacheBytes(kernels, config, config.layerCount, capacity) + align(config.hiddenSize * 4)
  return (
    weights +
    stageScratchBytes(kernels, config, CHUNK_LENGTH, capacity) +
    headScratchBytes(kernels, config) +
    sequences * slot +
    align(CHUNK_LENGTH * config.hiddenSize * 4)
  )
}

function allocateSlot(arena: Arena, kernels: Kernels, config: ModelConfig, capacity: number): Slot {
  return {
    cache: allocateKvCache(arena, kernels, config, config.layerCount, capacity),
    last: arena.allocate(config.hiddenSize * 4),
  }
}
