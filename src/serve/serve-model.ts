import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { basename, join, resolve } from 'node:path'
import { ROUTER_FOLDER } from '../deploy/wrangler-configs.ts'
import { type FoundOrigin, findOrigin } from '../origin/find-origin.ts'
import { openPack } from '../pack/open-pack.ts'
import { type CachedPackOptions, packFolder } from '../pack/pack-cache.ts'
import type { Manifest } from '../weights/manifest.ts'
import { assetsOfPack } from './assets-of-pack.ts'
import { miniflareOptions } from './bundle-worker.ts'
import { ensureBuilt } from './ensure-built.ts'
import { ServeError } from './errors.ts'
import { type Address, forward, localOrigin } from './forward.ts'
import { PROJECT } from './project.ts'
import { startPipeline } from './start-pipeline.ts'
import { type RunningWorker, startWorker } from './start-worker.ts'

export interface ServeOptions extends CachedPackOptions {
  /** A pack, a folder that `deploy` wrote, or what a pack can be made of; left out: the MODEL of wrangler.toml. */
  readonly model?: string
  readonly address: Address
  /** Tokens that a conversation may have; left out: CONTEXT_LENGTH of wrangler.toml. */
  readonly context?: number
  /** Answers that are computed at the same time. */
  readonly sequences?: number
  /** `URL` or `KIND+URL` of a GPU origin. */
  readonly origin?: string
  readonly originKey?: string
  /** API key that every request has to bring; left out: anybody may ask. */
  readonly key?: string
  /** Drop what the Worker logs. */
  readonly silent?: boolean
}

/** A model that is loaded and answers. */
export interface ServedModel {
  readonly url: string
  readonly model: string
  /** Of a whole model; a pipeline's is described by its plan. */
  readonly whole?: { readonly manifest: Manifest; readonly contextLength: number; readonly sequences: number }
  readonly origin?: FoundOrigin
  stop(): Promise<void>
}

/** wrangler.toml of this project. */
const CONFIG = join(PROJECT, 'wrangler.toml')

type Started = Omit<ServedModel, 'url' | 'model' | 'stop'> & { readonly worker: RunningWorker }

/** Serve a model in workerd on this machine. Throws ServeError, AddressError, FindOriginError, PackError, WeightsError. */
export async function serveModel(options: ServeOptions): Promise<ServedModel> {
  const workerPort = Promise.withResolvers<number>()
  // Before anything that takes long: a port that is taken is known at once.
  const server = await forward(options.address, workerPort.promise)
  await ensureBuilt()
  const { worker, ...facts } = await start(options)
  workerPort.resolve(Number(new URL(worker.url).port))
  return {
    url: localOrigin({ ...options.address, port: (server.address() as AddressInfo).port }),
    model: await load(worker.url, options.key),
    ...facts,
    async stop() {
      server.close()
      await worker.stop()
    },
  }
}

async function start(options: ServeOptions): Promise<Started> {
  const { model, origin: wanted, originKey, key } = options
  const findFor = async (name: string) => (wanted === undefined ? undefined : findOrigin(wanted, originKey, name))
  const vars = (origin: FoundOrigin | undefined) => ({
    ...(origin && { ORIGINS: JSON.stringify([{ ...origin, ...(originKey && { keySecret: 'ORIGIN_KEY' }) }]) }),
    ...(originKey && { ORIGIN_KEY: originKey }),
    ...(key && { API_KEYS: JSON.stringify([{ name: 'serve', sha256: sha256(key) }]) }),
  })
  if (model !== undefined && (await isPipeline(model))) {
    if ([options.planes, options.context, options.sequences].some((option) => option !== undefined)) {
      throw new ServeError(
        `${model} is a pipeline, whose planes, context and sessions \`nanbeige-edge deploy\` has set`,
      )
    }
    const origin = await findFor(basename(resolve(model)))
    return { worker: await startPipeline({ out: model, port: 0, vars: vars(origin) }), origin }
  }
  const { options: configured } = await miniflareOptions(CONFIG)
  const { MODEL, CONTEXT_LENGTH, SEQUENCES = 1 } = configured.bindings as Record<string, string | number>
  const pack =
    model === undefined
      ? join(configured.assets!.directory, 'weights', String(MODEL))
      : await packFolder(model, options)
  const { manifest } = await openPack(pack)
  const origin = await findFor(manifest.name)
  const { context = Number(CONTEXT_LENGTH), sequences = Number(SEQUENCES) } = options
  const assets = model === undefined ? undefined : await assetsOfPack(pack, manifest.name)
  const worker = await startWorker({
    port: 0,
    silent: options.silent,
    ...(assets && { assets: assets.folder }),
    vars: {
      CONTEXT_LENGTH: context,
      SEQUENCES: sequences,
      ...(assets && { MODEL: assets.model }),
      ...vars(origin),
    },
  })
  return {
    worker: {
      ...worker,
      async stop() {
        await worker.stop()
        await assets?.remove()
      },
    },
    whole: { manifest, sequences, contextLength: Math.min(context, manifest.config.maxPositionEmbeddings) },
    origin,
  }
}

/** What `nanbeige-edge deploy` writes. */
async function isPipeline(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).includes(ROUTER_FOLDER)
}

/** The name of the model, once it is loaded. Throws ServeError. */
async function load(url: string, key: string | undefined): Promise<string> {
  const response = await fetch(new URL('/v1/models', url), {
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
  })
  const { data, error } = (await response.json()) as { data: { id: string }[]; error?: { message: string } }
  if (error) throw new ServeError(error.message)
  return data[0].id
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
