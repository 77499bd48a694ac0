import { cp, readdir, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { makeFolder } from '../pack/make-folder.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { PROJECT } from '../serve/project.ts'
import type { Manifest } from '../weights/manifest.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { DeployError } from './errors.ts'
import { MAX_ASSETS } from './platform-limits.ts'
import { shardLayout } from './shard-layout.ts'
import {
  ASSETS_FOLDER,
  type BaseConfig,
  CONFIG_FILE,
  ROUTER_FOLDER,
  type Script,
  wranglerConfigs,
} from './wrangler-configs.ts'
import { writePipelineShards } from './write-shards.ts'

/**
 * Write everything that `wrangler deploy` needs for the scripts of a plan to folders below `out`: their configuration and static assets.
 * `vars`: of the router, beside those of wrangler.toml. What was there of an earlier plan is replaced. The scripts in order of deployment. Throws PlanError, DeployError, WeightsError, PackError.
 */
export async function writePipeline(
  store: WeightStore,
  manifest: Manifest,
  plan: Plan,
  out: string,
  progress: (bytesDone: number, bytesTotal: number) => void,
  vars: Readonly<Record<string, string>> = {},
): Promise<Script[]> {
  const base = await baseConfig()
  const scripts = wranglerConfigs({ ...base, vars: { ...base.vars, ...vars } }, plan, (path) =>
    relative(join(out, ROUTER_FOLDER), join(PROJECT, path)),
  )
  await removeOthers(out, scripts)
  const weights = (folder: string) => join(out, folder, ASSETS_FOLDER, 'weights', plan.name)
  await writePipelineShards(store, manifest, shardLayout(manifest, plan), weights, progress)
  await copyPage(join(PROJECT, base.assets.directory), join(out, ROUTER_FOLDER, ASSETS_FOLDER))
  for (const { name, folder, config } of scripts) {
    const files = await readdir(join(out, folder, ASSETS_FOLDER), { recursive: true })
    if (files.length > MAX_ASSETS) {
      throw new DeployError(
        'too_many_assets',
        `${name} has ${files.length} static assets where a Worker may have ${MAX_ASSETS}`,
      )
    }
    await writeFile(join(out, folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`)
  }
  return scripts
}

/** wrangler.toml of the repository. wrangler is loaded late: it takes a second. */
export async function baseConfig(): Promise<BaseConfig> {
  const { experimental_readRawConfig: readRawConfig } = await import('wrangler')
  return readRawConfig({ config: join(PROJECT, 'wrangler.toml') }).rawConfig as unknown as BaseConfig
}

/** Folders of a plan that had more stages, and assets of another model. */
async function removeOthers(out: string, scripts: readonly Script[]): Promise<void> {
  await makeFolder(out)
  const kept = new Set(scripts.map(({ folder }) => folder))
  for (const name of await readdir(out)) {
    if (name !== ROUTER_FOLDER && !/^stage-\d+$/.test(name)) continue
    await rm(join(out, name, ...(kept.has(name) ? [ASSETS_FOLDER] : [])), { recursive: true, force: true })
  }
}

/** The chat page and the widget, which stand beside the weights of all models. */
async function copyPage(from: string, to: string): Promise<void> {
  const files = await readdir(from).catch((): string[] => [])
  if (!files.includes('index.html')) {
    throw new DeployError('not_built', `${from} has no chat page; run \`npm run build\` first`)
  }
  for (const file of files) if (file !== 'weights') await cp(join(from, file), join(to, file), { recursive: true })
}
