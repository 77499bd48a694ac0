import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { bandedPack } from '../../test/support/banded-pack.ts'
import type { Band } from '../../test/support/banded-shape.ts'
import { kernelModules } from '../../test/support/embedded-model.ts'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'
import { Arena, align } from '../model/arena.ts'
import { instantiateKernels, type KernelModules, type Kernels } from '../model/kernels.ts'
import { loadStage } from '../pipeline/load-stage.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { folderStore } from '../weights/folder-store.ts'
import type { Manifest } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { planStages } from './plan.ts'
import { MIB } from './platform-limits.ts'
import { headMemory } from './stage-memory.ts'
import { stageFolder } from './wrangler-configs.ts'
import { writePipeline } from './write-scripts.ts'

let pack: TinyPack
let modules: KernelModules
let sizes: Kernels

beforeAll(async () => {
  pack = await tinyPack()
  modules = await kernelModules()
  sizes = await instantiateKernels(modules, new Arena(0).memory)
})
afterEach(() => vi.restoreAllMocks())
afterAll(() => pack.remove())

function planOf(manifest: Manifest): Plan {
  const limits = { contextLength: 48, sessions: 3, chunkLength: 8 }
  const { stages, ...rest } = planStages(sizes, manifest, { ...limits, ceilingBytes: MIB })
  // A second slice, with the ragged end of the vocabulary.
  const slice = (firstRow: number, rows: number) => ({
    ...{ kind: 'head' as const, firstRow, rows },
    ...headMemory(sizes, manifest, { firstRow, rows }),
  })
  return { ...rest, stages: [stages[0], slice(0, 224), slice(224, 35)] }
}

it('is what a stage allocates once it is loaded, to the byte, and cannot grow', () =>
  expectExact(pack.folder, pack.manifest))

it('is that of each band for itself, where the head has some', async () => {
  const folder = join(pack.root, 'banded')
  const bands: Band[] = [
    { rows: 96, planes: 8, groupSize: 32 },
    { rows: 163, planes: 3, groupSize: 128 },
  ]
  await expectExact(folder, await bandedPack(pack.folder, pack.manifest, folder, bands))
})

async function expectExact(folder: string, manifest: Manifest): Promise<void> {
  const plan = planOf(manifest)
  const out = await mkdtemp(join(pack.root, 'deploy-'))
  await writePipeline(folderStore(folder), manifest, plan, out, () => {})
  for (const [index, stage] of plan.stages.entries()) {
    const allocate = vi.spyOn(Arena.prototype, 'allocate')
    const store = folderStore(join(out, stageFolder(index), 'assets/weights/tiny'))
    await loadStage(store, parseManifest(await store.manifest(), 'tiny'), plan, index, modules)
    const { contexts, calls } = allocate.mock
    const [arena] = new Set(contexts as Arena[])
    expect(arena.memory.buffer.byteLength).toBe(stage.memoryBytes)
    expect(() => arena.memory.grow(1)).toThrow(RangeError)
    const allocated = calls.reduce((sum, [bytes]) => sum + align(bytes), 0)
    expect(allocated).toBe(stage.weightBytes + stage.kvBytes + stage.scratchBytes)
    allocate.mockRestore()
  }
}
