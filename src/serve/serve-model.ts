import { readdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { basename, join, resolve } from 'node:path'
import { ROUTER_FOLDER } from '../deploy/wrangler-configs.ts'
import { type FoundOrigin, findOrigin } from '../origin/find-origin.ts'
import { openPack } from '../pack/open-pack.ts'
import { type CachedPackOptions, packFolder } from '../pack/pack-cache.ts'
import type { Manifest } from '../weights/manifest.ts'
import { type AccessOptions, accessVars } from './access-vars.ts'
import { assetsOfPack } from './assets-of-pack.ts'
import { miniflareOptions } from './bundle-worker.ts'
import { ensureBuilt } from './ensure-built.ts'
import { ServeError } from './errors.ts'
import { type Address, forward, localOrigin } from './forward.ts'
import { PROJECT } from './project.ts'
import { startPipeline } from './start-pipeline.ts'
import { type RunningWorker, startWorker } from './start-worker.ts'

export interface ServeOptions extends CachedPackOptions, AccessOptions {
  /** A pack, a folder that `deploy` wrote, or what a pack can be made of; left out: the MODEL of wrangler.toml. */
  readonly model?: string
  readonly address: Address
  /** Tokens that a conversation may have; left out: CONTEXT_LENGTH of wrangler.toml. */
  readonly context?: number
  /** Answers that are computed at the same time; left out: as many as there is room for. */
  readonly sequences?: number
  /** `URL` or `KIND+URL` of a GPU origin. */
  readonly origin?: string
  readonly originKey?: string
  /** Drop what the Worker logs. */
  readonly silent?: boolean
}

/** A model that is loaded and answers, until the process exits. */
export interface ServedModel {
  readonly url: string
  readonly model: string
  /** Of a whole model; a pipeline's is described by its plan. */
  readonly whole?: { readonly manifest: Manifest; readonly contextLength: number; readonly sequences?: number }
  readonly origin?: FoundOrigin
}

/** wrangler.toml of this project. */
const CONFIG = join(PROJECT, 'wrangler.toml')

/** What is known of a model that is started; `name`: before it is loaded. */
type Started = Pick<ServedModel, 'whole' | 'origin'> & { readonly worker: RunningWorker; readonly name: string }

/** Serve a model in workerd on this machine. Throws ServeError, AddressError, AccessConfigError, FindOriginError, PackError, WeightsError. */
export async function serveModel(options: ServeOptions): Promise<ServedModel> {
  const workerPort = Promise.withResolvers<number>()
  // Before anything that takes long: a port that is taken is known at once.
  const server = await forward(options.address, workerPort.promise)
  await ensureBuilt()
  const { model } = options
  const { worker, name, ...facts } =
    model !== undefined && (await isPipeline(model)) ? await servePipeline(model, options) : await serveWhole(options)
  workerPort.resolve(Number(new URL(worker.url).port))
  return {
    url: localOrigin({ ...options.address, port: (server.address() as AddressInfo).port }),
    model: (await load(worker.url, options.key)) ?? name,
    ...facts,
  }
}

async function servePipeline(out: string, options: ServeOptions): Promise<Started> {
  if ([options.planes, options.context, options.sequences].some((option) => option !== undefined)) {
    throw new ServeError(`${out} is a pipeline, whose planes, context and sessions \`nanbeige-edge deploy\` has set`)
  }
  const name = basename(resolve(out))
  const { origin, vars } = await access(options, name, false)
  return { worker: await startPipeline({ out, port: 0, vars, silent: options.silent }), name, origin }
}

async function serveWhole(options: ServeOptions): Promise<Started> {
  const { options: configured } = await miniflareOptions(CONFIG)
  const { MODEL, CONTEXT_LENGTH } = configured.bindings as Record<string, string | number>
  const { model, silent, context = Number(CONTEXT_LENGTH), sequences } = options
  const isConfigured = model === undefined
  const pack = isConfigured
    ? join(configured.assets!.directory, 'weights', String(MODEL))
    : await packFolder(model, options)
  const { manifest } = await openPack(pack)
  const { origin, vars } = await access(options, manifest.name, Boolean(configured.bindings?.API_KEYS))
  const assets = isConfigured ? undefined : await assetsOfPack(pack, manifest.name)
  const worker = await startWorker({
    port: 0,
    silent,
    ...(assets && { assets: assets.folder }),
    vars: {
      ...vars,
      CONTEXT_LENGTH: context,
      ...(sequences && { SEQUENCES: sequences }),
      ...(assets && { MODEL: assets.model }),
    },
  })
  const contextLength = Math.min(context, manifest.config.maxPositionEmbeddings)
  return { worker, name: manifest.name, whole: { manifest, sequences, contextLength }, origin }
}

/**
 * Who may ask, and who is asked: variables of the Worker. `name`: of the model; `hasKeys`: the configuration has some. Throws ServeError,
 * AccessConfigError, FindOriginError.
 */
async function access(options: ServeOptions, name: string, hasKeys: boolean) {
  const { origin: wanted, originKey, address } = options
  const doors = await accessVars(options, address, hasKeys)
  const origin = wanted === undefined ? undefined : await findOrigin(wanted, originKey, name)
  const vars = {
    ...(origin && { ORIGINS: JSON.stringify([{ ...origin, ...(originKey && { keySecret: 'ORIGIN_KEY' }) }]) }),
    ...(originKey && { ORIGIN_KEY: originKey }),
    ...doors,
  }
  return { origin, vars }
}

/** What `nanbeige-edge deploy` writes. */
async function isPipeline(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes(ROUTER_FOLDER)
}

/** The name of the model, once it is loaded; undefined where .dev.vars has keys, which are not known here. Throws ServeError. */
async function load(url: string, key: string | undefined): Promise<string | undefined> {
  const response = await fetch(new URL('/v1/models', url), {
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
  })
  if (response.status === 401) return undefined
  const { data, error } = (await response.json()) as { data: { id: string }[]; error?: { message: string } }
  if (error) throw new ServeError(error.message)
  return data[0].id
}
