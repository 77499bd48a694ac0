import { Arena } from '../../model/arena.ts'
import { instantiateKernels, type KernelModules } from '../../model/kernels.ts'
import { CHUNK_LENGTH } from '../../model/load.ts'
import { planStages } from '../../pipeline/plan.ts'
import { PlanError } from '../../pipeline/plan-error.ts'
import { MAX_STAGE_MIB, MIB } from '../../pipeline/platform-limits.ts'
import type { Plan } from '../../pipeline/stage-plan.ts'
import { folderStore } from '../../weights/folder-store.ts'
import type { Manifest } from '../../weights/manifest.ts'
import { parseManifest } from '../../weights/parse-manifest.ts'
import { describeCost, describeRouter, describeStages } from '../describe-plan.ts'
import { kernelModules } from '../kernel-modules.ts'
import { measureStages } from '../measure-stages.ts'

/** As commander gives them. */
export interface PlanCommandOptions {
  readonly stageMib: string
  readonly context: string
  readonly sessions: string
}

/** Print how a pack is spread over Durable Objects, how fast it is and what it costs. Throws PlanError, WeightsError, PackError. */
export async function planCommand(folder: string, options: PlanCommandOptions): Promise<void> {
  const modules = await kernelModules()
  const { manifest, plan } = await planPack(modules, folder, options)
  const stageSeconds = await measureStages(modules, manifest, plan)
  process.stdout.write(
    `${plan.name}: ${plan.sessions} x ${plan.contextLength} tokens, stages of at most ${options.stageMib} MiB\n\n` +
      `${describeStages(plan, stageSeconds)}\n\n${describeRouter(manifest)}\n\n${describeCost(manifest, plan, stageSeconds)}\n`,
  )
}

/** The plan of a pack in a folder; warns of a ceiling that leaves a stage's heap no room. */
export async function planPack(
  modules: KernelModules,
  folder: string,
  options: PlanCommandOptions,
): Promise<{ manifest: Manifest; plan: Plan }> {
  const stageMib = wholeNumber('--stage-mib', options.stageMib)
  if (stageMib > MAX_STAGE_MIB) {
    process.stderr.write(
      `warning: an isolate of Cloudflare has 128 MB for Wasm memory and JavaScript together; more than ${MAX_STAGE_MIB} MiB for a stage runs on workerd of your own only\n`,
    )
  }
  const manifest = parseManifest(await folderStore(folder).manifest(), folder)
  const sizes = await instantiateKernels(modules, new Arena(0).memory)
  const plan = planStages(sizes, manifest, {
    ceilingBytes: stageMib * MIB,
    contextLength: wholeNumber('--context', options.context),
    sessions: wholeNumber('--sessions', options.sessions),
    chunkLength: CHUNK_LENGTH,
  })
  return { manifest, plan }
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value > 0 && Number.isSafeInteger(value)) return value
  throw new PlanError('option_invalid', `${option}: ${text} is not a whole number above 0`)
}
