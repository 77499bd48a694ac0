import { TILE_ROWS } from '../../assembly/layout.ts'
import type { Kernels } from '../model/kernels.ts'
import { headBands, type ModelShape } from '../pipeline/stage-tensors.ts'
import type { Tensor } from '../weights/manifest.ts'
import { MAX_STAGE_MIB, MIB } from './platform-limits.ts'
import { headMemory, layersMemory, type StageLimits } from './stage-memory.ts'

interface Wanted extends StageLimits {
  readonly ceilingBytes: number
}

/** Contexts are proposed in whole steps of this many tokens. */
const CONTEXT_STEP = 64
/** Fewest planes that a matrix can be packed with (`nanbeige-edge pack --planes`). */
const FEWEST_PLANES = 2

const mib = (bytes: number) => (bytes / MIB).toFixed(1)

/** The layer of a model that takes the most memory in a stage of its own. */
function largestLayer(sizes: Kernels, model: ModelShape, limits: StageLimits) {
  const layers = Array.from({ length: model.config.layerCount }, (_, layer) => ({
    layer,
    ...layersMemory(sizes, model, layer, 1, limits),
  }))
  return layers.reduce((largest, layer) => (layer.memoryBytes > largest.memoryBytes ? layer : largest))
}

function needed(sizes: Kernels, model: ModelShape, limits: StageLimits): number {
  let firstRow = 0
  const tiles = headBands(model).map(({ shape: [rows] }) => {
    const { memoryBytes } = headMemory(sizes, model, { firstRow, rows: TILE_ROWS })
    firstRow += rows
    return memoryBytes
  })
  return Math.max(largestLayer(sizes, model, limits).memoryBytes, ...tiles)
}

/** Whether every layer, and any tile of the head, fits a stage of its own. */
export function fits(sizes: Kernels, model: ModelShape, { ceilingBytes, ...limits }: Wanted): boolean {
  return needed(sizes, model, limits) <= ceilingBytes
}

/** For a model that does not fit: how much is too much, and every single change that would make it fit. */
export function whatFits(sizes: Kernels, model: ModelShape, wanted: Wanted): string {
  const { contextLength, sessions, ceilingBytes } = wanted
  const largest = largestLayer(sizes, model, wanted)
  const problem =
    `layer ${largest.layer} takes ${mib(largest.memoryBytes)} MiB of Wasm memory (weights ${mib(largest.weightBytes)}, ` +
    `KV cache ${mib(largest.kvBytes)} for ${sessions} x ${contextLength} tokens, scratch ${mib(largest.scratchBytes)}) ` +
    `where a stage may take ${mib(ceilingBytes)}`
  const ways = singleChanges(sizes, model, wanted)
  return `${problem}; what fits: ${(ways.length > 0 ? ways : [bothChanges(sizes, model, wanted)]).join(', or ')}`
}

function singleChanges(sizes: Kernels, model: ModelShape, wanted: Wanted): string[] {
  const ways: string[] = []
  const context = longestContext(sizes, model, wanted)
  if (context > 0) ways.push(`a context of at most ${context} tokens`)
  const sessions = largestBelow(wanted.sessions, 1, (count) => fits(sizes, model, { ...wanted, sessions: count }))
  if (sessions > 0) ways.push(`--sessions ${sessions}`)
  const planes = largestBelow(mostPlanes(model), FEWEST_PLANES, (most) => fits(sizes, withPlanes(model, most), wanted))
  if (planes > 0) ways.push(`${planes} planes in the layers (pack with --planes)`)
  const ceiling = Math.ceil(needed(sizes, model, wanted) / MIB)
  if (ceiling <= MAX_STAGE_MIB) ways.push(`--stage-mib ${ceiling}`)
  return ways
}

/** Where no single change is enough. */
function bothChanges(sizes: Kernels, model: ModelShape, wanted: Wanted): string {
  for (let planes = mostPlanes(model); planes >= FEWEST_PLANES; planes--) {
    const changed = { ...wanted, sessions: 1, ceilingBytes: Math.max(wanted.ceilingBytes, MAX_STAGE_MIB * MIB) }
    const context = longestContext(sizes, withPlanes(model, planes), {
      ...changed,
      contextLength: wanted.contextLength + 1,
    })
    if (context > 0) {
      const ceiling = Math.round(changed.ceilingBytes / MIB)
      return `${planes} planes, --context ${context}, --sessions 1 and --stage-mib ${ceiling} together`
    }
  }
  return 'nothing: the layers of this model are too large for isolates of 128 MB'
}

/** In whole steps and shorter than the one wanted; 0 where none fits. */
function longestContext(sizes: Kernels, model: ModelShape, wanted: Wanted): number {
  const steps = Math.ceil(wanted.contextLength / CONTEXT_STEP)
  const step = largestBelow(steps, 1, (count) => fits(sizes, model, { ...wanted, contextLength: count * CONTEXT_STEP }))
  return step * CONTEXT_STEP
}

/** The largest whole number of [from, below) that is good, all smaller ones being good too; 0 where none is. */
function largestBelow(below: number, from: number, good: (value: number) => boolean): number {
  let [low, high] = [from - 1, below - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (good(middle)) low = middle
    else high = middle - 1
  }
  return low < from ? 0 : low
}

const inLayer = (tensor: Tensor) => tensor.kind === 'planes' && tensor.name.startsWith('layers.')

function mostPlanes({ tensors }: ModelShape): number {
  return Math.max(...tensors.filter(inLayer).map((tensor) => (tensor.kind === 'planes' ? tensor.planes : 0)))
}

/** The same model with at most so many planes in its layers. */
function withPlanes(model: ModelShape, most: number): ModelShape {
  const tensors = model.tensors.map((tensor) =>
    tensor.kind === 'planes' && inLayer(tensor) ? { ...tensor, planes: Math.min(tensor.planes, most) } : tensor,
  )
  return { ...model, tensors }
}
