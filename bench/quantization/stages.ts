// Bytes and stages of packs of Nanbeige4-3B with `--bits`, as far as another model can tell: each matrix loses what the one of its kind at the
// same depth of that model lost, for a weight as much.
//
//   npm exec -- node bench/quantization/stages.ts CACHE/losses.json BITS…      (losses.json: as run.ts leaves it)
import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { planStages } from '../../src/deploy/plan.ts'
import { MAX_STAGE_MIB, MIB } from '../../src/deploy/platform-limits.ts'
import { Arena } from '../../src/model/arena.ts'
import { instantiateKernels } from '../../src/model/kernels.ts'
import { CHUNK_LENGTH } from '../../src/model/load.ts'
import { kernelModules } from '../../src/pack/kernel-modules.ts'
import type { PlannedTensor } from '../../src/pack/plan-tensor.ts'
import { allocate, type Setting } from '../../src/quantize/allocate.ts'
import { inBands } from '../../src/quantize/vocabulary-bands.ts'
import { bandMatrix } from '../../src/weights/bands.ts'
import type { Tensor } from '../../src/weights/manifest.ts'
import { centredZeroPoint, planesBytes, tensorBytes } from '../../src/weights/plane-layout.ts'
import { tensorShapes } from '../../src/weights/tensor-shapes.ts'
import { nanbeigeConfig } from '../../test/support/model-shape.ts'

const SESSIONS = [
  { contextLength: 4096, sessions: 2 },
  { contextLength: 4096, sessions: 1 },
  { contextLength: 2048, sessions: 2 },
]

const [path, ...budgets] = new Command().argument('<losses>').argument('<bits...>').parse().args
const measured = new Map<string, Setting[]>(JSON.parse(await readFile(path, 'utf8')))
const deepest = Math.max(...[...measured.keys()].map((name) => Number(name.match(/^layers\.(\d+)/)?.[1] ?? 0)))
const matrix = { kind: 'planes', planes: 8, groupSize: 32, zeroPoint: null } as const
const shapes = inBands(
  [...tensorShapes(nanbeigeConfig)].map(([name, shape]) => {
    const entry = shape.length === 1 ? { kind: 'f32', name, shape } : { ...matrix, name, shape }
    return { entry } as unknown as PlannedTensor
  }),
).map(({ entry: { name, shape } }) => [name, shape] as const)
const weights = shapes.reduce((sum, [, shape]) => sum + size(shape), 0)
const vectors = shapes.filter(([, shape]) => shape.length === 1).reduce((sum, [, shape]) => sum + size(shape) * 4, 0)
const losses = new Map(
  shapes
    .filter(([, shape]) => shape.length === 2)
    .map(([name, [rows, cols = 0]]) => {
      const settings = measured.get(counterpart(name))!
      const bytes = (setting: Setting) => planesBytes(rows, cols, { ...setting, hasMin: false, stepped: true })
      return [name, settings.map((setting) => ({ ...setting, bytes: bytes(setting) }))]
    }),
)
const sizes = await instantiateKernels(await kernelModules(), new Arena(0).memory)

console.table(
  Object.fromEntries(
    budgets.map((bits) => {
      const settings = allocate(losses, (Number(bits) * weights) / 8 - vectors)
      if (settings === null) throw new RangeError(`${bits} bits are too few`)
      const tensors = shapes.map(([name, shape]): Tensor => {
        const setting = settings.get(name)
        if (setting === undefined) return { kind: 'f32', name, shape: [shape[0]], spans: [] }
        const { planes, groupSize } = setting
        const format = { planes, groupSize, zeroPoint: centredZeroPoint(planes), scales: 'steps' } as const
        return { kind: 'planes', name, shape: [shape[0], shape[1] as number], ...format, spans: [] }
      })
      const plans = SESSIONS.map((limits) => {
        const ceilingBytes = MAX_STAGE_MIB * MIB
        const { stages } = planStages(
          sizes,
          { name: 'Nanbeige4-3B', config: nanbeigeConfig, tensors },
          { ...limits, ceilingBytes, chunkLength: CHUNK_LENGTH },
        )
        const most = Math.max(...stages.map(({ weightBytes }) => weightBytes))
        return [`${limits.sessions} x ${limits.contextLength}`, `${stages.length} (${(most / 1e6).toFixed(0)} MB)`]
      })
      const bytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
      return [bits, { MB: (bytes / 1e6).toFixed(0), ...Object.fromEntries(plans) }]
    }),
  ),
)

/** The matrix of the measured model that stands where this one does: of a band the one of the same rows, or the last. */
function counterpart(name: string): string {
  const band = bandMatrix(name)
  if (band !== undefined)
    return measured.has(name) ? name : [...measured.keys()].findLast((other) => bandMatrix(other) === band)!
  const depth = deepest / (nanbeigeConfig.layerCount - 1)
  return name.replace(/^layers\.(\d+)/, (_, layer) => `layers.${Math.round(Number(layer) * depth)}`)
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1)
}
