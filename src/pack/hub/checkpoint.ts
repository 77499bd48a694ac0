import { homedir } from 'node:os'
import { join } from 'node:path'
import { listFiles, modelInfo } from '@huggingface/hub'
import { z } from 'zod'
import { checkpointConfig, parseConfigJson } from '../checkpoint/config.ts'
import { CHECKPOINT_FILES } from '../checkpoint/source.ts'
import { INDEX_FILE, SINGLE_FILE, shardFiles } from '../checkpoint/tensors.ts'
import { makeFolder } from '../make-folder.ts'
import { MAX_WHOLE_BYTES } from '../open-file.ts'
import { PackError } from '../pack-error.ts'
import { readJson } from '../read-json.ts'
import { hubFetch } from './fetch.ts'
import { asksHub, downloadHubFile, type HubFile } from './file.ts'

const DEFAULT_ENDPOINT = 'https://huggingface.co'
/** One alone seldom fills a connection; many get refused. */
const PARALLEL_FILES = 3

/** Folder that keeps downloads, and packs that were made to be served. */
export function cacheFolder(): string {
  return join(homedir(), '.cache', 'nanbeige-edge')
}

export interface HubModel {
  /** owner/name */
  readonly id: string
  /** A branch, a tag or a commit. */
  readonly revision: string
}

export interface HubOptions {
  /** Folder that keeps what was downloaded, by model and commit. */
  readonly cache?: string
  readonly progress?: (bytesDone: number, bytesTotal: number) => void
}

/** `owner/name` or `owner/name@revision`; undefined for anything else, paths of GGUF files and of folders above among them. */
export function parseHubModel(text: string): HubModel | undefined {
  if (text.endsWith('.gguf')) return undefined
  const [, id, revision] = text.match(/^(\w[\w.-]*\/\w[\w.-]*)(?:@([\w./-]+))?$/) ?? []
  return id === undefined ? undefined : { id, revision: revision ?? 'main' }
}

/**
 * Download what packing a checkpoint takes from a hub, HF_ENDPOINT and HF_TOKEN honoured, and return its folder. What is there already is not
 * fetched again. Throws PackError.
 */
export async function downloadCheckpoint({ id, revision }: HubModel, options: HubOptions = {}): Promise<string> {
  const hubUrl = endpoint()
  const token = process.env.HF_TOKEN?.trim() || undefined
  const access = { hubUrl, fetch: hubFetch(hubUrl), ...(token && { accessToken: token }) }
  const what = `${id}@${revision}`
  // All files from one commit, whatever is pushed meanwhile.
  const info = await asksHub(what, () => modelInfo({ name: id, revision, additionalFields: ['sha'], ...access }))
  const { sha } = fromHub(commit, info, what)
  const listed = await asksHub(what, () => list(id, sha, access, what))
  const folder = join(options.cache ?? cacheFolder(), ...id.split('/'), sha)
  await makeFolder(folder)
  const file = (path: string): HubFile => ({ ...listed.get(path)!, url: `${hubUrl}/${id}/resolve/${sha}/${path}` })

  const small = [...CHECKPOINT_FILES, INDEX_FILE].filter((path) => listed.has(path))
  const large = small.find((path) => listed.get(path)!.bytes > MAX_WHOLE_BYTES)
  if (large !== undefined) throw new PackError('download_failed', `${what}: ${large} is too large to be one`)
  if (!listed.has('config.json')) {
    const gguf = [...listed.keys()].find((path) => path.endsWith('.gguf'))
    throw new PackError(
      'file_missing',
      `${what} has no config.json${gguf ? `; it has ${gguf}: download that file and pack it` : ''}`,
    )
  }
  await downloadAll(small.map(file), folder, token)
  // What cannot be packed is refused before gigabytes of it are fetched.
  const config = parseConfigJson(await readJson(join(folder, 'config.json')), `${what}, config.json`)
  checkpointConfig(config, `${what}, config.json`)
  const weights =
    listed.has(INDEX_FILE) && !listed.has(SINGLE_FILE)
      ? shardFiles(await readJson(join(folder, INDEX_FILE)), `${what}, ${INDEX_FILE}`)
      : [SINGLE_FILE]
  const missing = weights.find((path) => !listed.has(path))
  if (missing !== undefined) throw new PackError('file_missing', `${what} has no ${missing}; safetensors are needed`)
  await downloadAll(weights.map(file), folder, token, options.progress)
  return folder
}

/** The hub's address, without a slash at its end. Throws PackError. */
function endpoint(): string {
  const url = (process.env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, '')
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new PackError('option_invalid', `HF_ENDPOINT: ${url} is no address of a hub, such as ${DEFAULT_ENDPOINT}`)
  }
  return url
}

const hash = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`))
const size = z.int().nonnegative()
/** The name of a folder is made of it. */
const commit = z.object({ sha: hash(40) })
/** Of the paths, only those are used that a checkpoint has. */
const listedFile = z.object({
  path: z.string(),
  size,
  oid: hash(40).optional(),
  lfs: z.object({ oid: hash(64), size }).optional(),
})

/** What a hub answers, of the form that is known. Throws PackError. */
function fromHub<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new PackError(
    'download_failed',
    `${what}: the hub's answer is not understood (${issue.path.join('.')}: ${issue.message}); check HF_ENDPOINT`,
  )
}

type Access = { readonly hubUrl: string; readonly fetch: typeof fetch; readonly accessToken?: string }

async function list(
  id: string,
  revision: string,
  access: Access,
  what: string,
): Promise<Map<string, Omit<HubFile, 'url'>>> {
  const files = new Map<string, Omit<HubFile, 'url'>>()
  for await (const entry of listFiles({ repo: id, revision, ...access })) {
    if (entry.type !== 'file') continue
    const { path, size, oid, lfs } = fromHub(listedFile, entry, what)
    files.set(path, { path, bytes: lfs?.size ?? size, sha256: lfs?.oid, gitSha1: oid })
  }
  return files
}

async function downloadAll(
  files: readonly HubFile[],
  folder: string,
  token: string | undefined,
  progress?: HubOptions['progress'],
): Promise<void> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  const advance = (bytes: number) => {
    done += bytes
    progress?.(done, total)
  }
  const left = [...files]
  const stop = new AbortController()
  const options = { token, advance, signal: stop.signal }
  let failure: unknown
  const next = async () => {
    for (let file = left.shift(); file !== undefined; file = left.shift()) {
      await downloadHubFile(file, join(folder, file.path), options).catch((error) => {
        failure ??= error
        left.length = 0
        stop.abort()
      })
    }
  }
  await Promise.all(Array.from({ length: PARALLEL_FILES }, next))
  // Only now: nothing may write on after the error is told.
  if (failure !== undefined) throw failure
}
