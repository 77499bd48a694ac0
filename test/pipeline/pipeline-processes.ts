import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { ASSETS_FOLDER, CONFIG_FILE, ROUTER_FOLDER, stageFolder } from '../../src/deploy/wrangler-configs.ts'
import { STAGE_CLASS, stageBinding } from '../../src/pipeline/stage-bindings.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import { bundleWorker } from '../../src/serve/bundle-worker.ts'
import { ABORT_PATH, PROBE_PATH } from './stage-paths.ts'
import { freePorts, WorkerdProcess } from './workerd-process.ts'

/** A router and its stages, each in a process of its own. */
export interface PipelineProcesses {
  /** Of the router. */
  readonly url: string
  readonly stages: readonly WorkerdProcess[]
  /** Have the runtime reset the object of a stage, whose process goes on. */
  abort(stage: number): Promise<void>
  /** Whether a stage of layers has a KV cache for a new session, which then ends. */
  hasRoom(stage: number, hiddenSize: number): Promise<boolean>
  stop(): Promise<void>
}

/** Start what `writePipeline` wrote to `out`. */
export async function startProcesses(out: string, plan: Plan): Promise<PipelineProcesses> {
  const [router, stage] = await Promise.all([
    bundle(out, ROUTER_FOLDER, 'router-entry.ts'),
    bundle(out, stageFolder(0), 'stage-entry.ts'),
  ])
  const [port, ...ports] = await freePorts(plan.stages.length + 1)
  const assets = (folder: string) => resolve(out, folder, ASSETS_FOLDER)
  const configs = join(out, 'workerd')
  await mkdir(configs, { recursive: true })
  const stages = await Promise.all(
    plan.stages.map((_, index) =>
      WorkerdProcess.start(
        {
          bundle: stage,
          port: ports[index],
          object: { binding: 'STAGE_OBJECT', className: STAGE_CLASS },
          assets: assets(stageFolder(index)),
          vars: { PLAN: plan, STAGE: index },
          peers: {},
        },
        join(configs, `${stageFolder(index)}.capnp`),
      ),
    ),
  )
  const edge = await WorkerdProcess.start(
    {
      bundle: router,
      port,
      object: { binding: 'EDGE', className: 'Edge' },
      assets: assets(ROUTER_FOLDER),
      vars: { PLAN: plan, MODEL: plan.name, CONTEXT_LENGTH: plan.contextLength, ACCESS: 'loopback' },
      peers: Object.fromEntries(ports.map((port, index) => [stageBinding(index), port])),
    },
    join(configs, `${ROUTER_FOLDER}.capnp`),
  )
  return {
    url: edge.url,
    stages,
    abort: async (index) => void (await fetch(stages[index].url + ABORT_PATH)),
    hasRoom: async (index, hiddenSize) => (await fetch(stages[index].url + PROBE_PATH + hiddenSize)).ok,
    async stop() {
      await Promise.all([edge, ...stages].map((process) => process.kill()))
      await Promise.all([router.remove(), stage.remove()])
    },
  }
}

/** Bundle an entry of this folder with the configuration of the script that it stands for. */
async function bundle(out: string, folder: string, entry: string) {
  const config = JSON.parse(await readFile(join(out, folder, CONFIG_FILE), 'utf8'))
  const path = join(out, folder, `test.${CONFIG_FILE}`)
  const main = relative(join(out, folder), new URL(entry, import.meta.url).pathname)
  await writeFile(path, JSON.stringify({ ...config, main }))
  return bundleWorker(path)
}
