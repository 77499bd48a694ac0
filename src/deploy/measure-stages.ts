import { TILE_ROWS } from '../../assembly/layout.ts'
import { Arena, CountingArena } from '../model/arena.ts'
import { Head, logitBytes } from '../model/head.ts'
import { instantiateKernels, type KernelModules, type Kernels, type Pointer } from '../model/kernels.ts'
import { allocateKvCache } from '../model/kv-cache.ts'
import { type Matrix, matrixAt } from '../model/matrix.ts'
import { type LayerWeights, Stage } from '../model/stage.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { headParts, layerTensors, type ModelShape } from '../pipeline/stage-tensors.ts'
import type { PlanesTensor, Tensor } from '../weights/manifest.ts'
import { planeFormat, tensorBytes, tileBytes } from '../weights/plane-layout.ts'

/** Weights to walk through: past any cache, as a stage's are by the time of its next token. */
const WEIGHT_BYTES = 96 * 2 ** 20
const SECONDS = 0.7

/**
 * Seconds that each stage of a plan computes for one token, at half of the context: measured here and now, in Node, with random weights in the
 * formats of the model. Layers, and rows of the head, of equal formats are measured once.
 */
export async function measureStages(modules: KernelModules, model: ModelShape, plan: Plan): Promise<number[]> {
  const measured = new Map<string, number>()
  const layerSeconds = async (layer: number): Promise<number> => {
    const tensors = layerTensors(model, layer)
    const formats = tensors.map((tensor) => (tensor.kind === 'planes' ? formatName(tensor) : tensor.kind)).join()
    const known = measured.get(formats) ?? (await measureLayer(modules, model, tensors, plan.contextLength))
    measured.set(formats, known)
    return known
  }
  const rowSeconds = async (tensor: PlanesTensor): Promise<number> => {
    const format = `row of ${formatName(tensor)}`
    const known = measured.get(format) ?? (await measureHeadRow(modules, model, tensor))
    measured.set(format, known)
    return known
  }
  const seconds: number[] = []
  for (const stage of plan.stages) {
    let total = 0
    if (stage.kind === 'head') {
      for (const { tensor } of headParts(model, stage)) total += tensor.shape[0] * (await rowSeconds(tensor))
    } else {
      for (let i = 0; i < stage.count; i++) total += await layerSeconds(stage.first + i)
    }
    seconds.push(total)
  }
  return seconds
}

function formatName(tensor: PlanesTensor): string {
  const { planes, groupSize, hasMin, stepped } = planeFormat(tensor)
  return `${planes}/${groupSize}/${hasMin}/${stepped}`
}

/** Seconds of one layer for one token in the middle of a context. */
async function measureLayer(
  modules: KernelModules,
  { config }: ModelShape,
  tensors: readonly Tensor[],
  contextLength: number,
): Promise<number> {
  const counted = new CountingArena()
  allocateLayer(counted, tensors)
  const count = Math.ceil(WEIGHT_BYTES / counted.total)
  const { stage, cache, hidden } = await overRandom(modules, (arena, kernels) => {
    const layers = Array.from({ length: count }, () => allocateLayer(arena, tensors))
    return {
      stage: new Stage(arena, kernels, config, layers, 1),
      cache: allocateKvCache(arena, kernels, config, count, contextLength),
      hidden: arena.allocate(config.hiddenSize * 4),
    }
  })
  return medianSeconds(() => stage.forward(hidden, [{ count: 1, position: contextLength >> 1, cache }])) / count
}

function allocateLayer(arena: Arena, tensors: readonly Tensor[]): LayerWeights {
  return Object.fromEntries(
    tensors.map((tensor): [string, Pointer | Matrix] => {
      const pointer = arena.allocate(tensorBytes(tensor))
      return [tensor.name.split('.')[2], tensor.kind === 'planes' ? matrixAt(pointer, tensor) : pointer]
    }),
  ) as unknown as LayerWeights
}

/** Seconds of one row of the head in the format of a tensor. */
async function measureHeadRow(modules: KernelModules, model: ModelShape, tensor: PlanesTensor): Promise<number> {
  const [, cols] = tensor.shape
  const rows = Math.ceil(WEIGHT_BYTES / tileBytes(cols, planeFormat(tensor))) * TILE_ROWS
  const config = { ...model.config, vocabSize: rows }
  const slice: PlanesTensor = { ...tensor, shape: [rows, cols] }
  const { head, hidden, logits } = await overRandom(modules, (arena, kernels) => {
    const weights = matrixAt(arena.allocate(tensorBytes(slice)), slice)
    const norm = arena.allocate(config.hiddenSize * 4)
    const hidden = arena.allocate(config.hiddenSize * 4)
    const logits = arena.allocate(logitBytes(rows))
    return { hidden, logits, head: new Head(arena, kernels, config, norm, [weights]) }
  })
  const decode = () => {
    head.logits(logits, hidden)
    const distribution = head.distribution(logits, { adjustments: [], temperature: 1 })
    void distribution.top(1)
    return distribution.logSumExp
  }
  return medianSeconds(decode) / rows
}

/** What is built over a memory of exactly its size, full of random bits. */
async function overRandom<Built>(
  modules: KernelModules,
  build: (arena: Arena, kernels: Kernels) => Built,
): Promise<Built> {
  const counted = new CountingArena()
  build(counted, await instantiateKernels(modules, counted.memory))
  const arena = new Arena(counted.total)
  // Any bits are indexes; the mask keeps them finite as floats and half floats too. The kernels' own constants come afterwards.
  const words = new Uint32Array(arena.memory.buffer)
  let state = 1
  for (let i = 0; i < words.length; i++) {
    state = Math.imul(state, 1664525) + 1013904223
    words[i] = state & 0x3fff3fff
  }
  return build(arena, await instantiateKernels(modules, arena.memory))
}

function medianSeconds(work: () => unknown): number {
  work()
  const times: number[] = []
  const end = performance.now() + SECONDS * 1000
  do {
    const started = performance.now()
    work()
    times.push((performance.now() - started) / 1000)
  } while (performance.now() < end)
  return times.sort((a, b) => a - b)[times.length >> 1]
}
