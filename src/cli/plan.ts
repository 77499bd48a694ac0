import { measureStages } from '../deploy/measure-stages.ts'
import { planStages } from '../deploy/plan.ts'
import { MAX_STAGE_MIB, MIB } from '../deploy/platform-limits.ts'
import { Arena } from '../model/arena.ts'
import { instantiateKernels, type KernelModules } from '../model/kernels.ts'
import { CHUNK_LENGTH } from '../model/load.ts'
import { kernelModules } from '../pack/kernel-modules.ts'
import { type OpenPack, openPack } from '../pack/open-pack.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { describeColdStart, describeCost, describeRouter, describeStages } from './describe-plan.ts'
import { DEFAULT_CONTEXT } from './stage-commands.ts'

export interface PlanCommandOptions {
  /** The larger a stage may be, the fewer there are: each is a request for every token. */
  readonly stageMib?: number
  readonly context?: number
  readonly sessions: number
}

/** Print how a pack is spread over Durable Objects, how fast it is and what it costs. Throws PlanError, WeightsError, PackError. */
export async function planCommand(folder: string, options: PlanCommandOptions): Promise<void> {
  const modules = await kernelModules()
  const { manifest, plan } = await planPack(modules, folder, options)
  const stageSeconds = await measureStages(modules, manifest, plan)
  const sections = [
    `${plan.name}: ${plan.sessions} x ${plan.contextLength} tokens, ${plan.stages.length} stages of at most ${options.stageMib ?? MAX_STAGE_MIB} MiB`,
    describeStages(plan, stageSeconds),
    describeRouter(manifest),
    describeColdStart(plan),
    describeCost(manifest, plan, stageSeconds),
  ]
  process.stdout.write(`${sections.join('\n\n')}\n`)
}

/** The plan of a pack in a folder; warns of a ceiling that leaves a stage's heap no room. */
export async function planPack(
  modules: KernelModules,
  folder: string,
  { stageMib = MAX_STAGE_MIB, context, sessions }: PlanCommandOptions,
): Promise<OpenPack & { plan: Plan }> {
  const { store, manifest } = await openPack(folder)
  if (stageMib > MAX_STAGE_MIB) {
    process.stderr.write(
      `warning: an isolate of Cloudflare has 128 MB for Wasm memory and JavaScript together; more than ${MAX_STAGE_MIB} MiB for a stage runs on workerd of your own only\n`,
    )
  }
  const sizes = await instantiateKernels(modules, new Arena(0).memory)
  const plan = planStages(sizes, manifest, {
    ceilingBytes: stageMib * MIB,
    contextLength: context ?? Math.min(DEFAULT_CONTEXT, manifest.config.maxPositionEmbeddings),
    sessions,
    chunkLength: CHUNK_LENGTH,
  })
  return { store, manifest, plan }
}
