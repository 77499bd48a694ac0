import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { listFiles, modelInfo } from '@huggingface/hub'
import { checkpointConfig, parseConfigJson } from './checkpoint-config.ts'
import { CHECKPOINT_FILES } from './checkpoint-source.ts'
import { INDEX_FILE, SINGLE_FILE, shardFiles } from './checkpoint-tensors.ts'
import { asksHub, downloadHubFile, type HubFile } from './hub-file.ts'
import { PackError } from './pack-error.ts'
import { readJson } from './read-json.ts'

const DEFAULT_ENDPOINT = 'https://huggingface.co'
/** One alone seldom fills a connection; many get refused. */
const PARALLEL_FILES = 3

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
  const hubUrl = (process.env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/, '')
  const token = process.env.HF_TOKEN || undefined
  const access = { hubUrl, ...(token && { accessToken: token }) }
  const what = `${id}@${revision}`
  // All files from one commit, whatever is pushed meanwhile.
  const { sha } = await asksHub(what, () => modelInfo({ name: id, revision, additionalFields: ['sha'], ...access }))
  const listed = await asksHub(what, () => list(id, sha, access))
  const folder = join(options.cache ?? join(homedir(), '.cache', 'nanbeige-edge'), ...id.split('/'), sha)
  await mkdir(folder, { recursive: true })
  const file = (path: string): HubFile => ({ ...listed.get(path)!, url: `${hubUrl}/${id}/resolve/${sha}/${path}` })

  const small = [...CHECKPOINT_FILES, INDEX_FILE].filter((path) => listed.has(path))
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
  const weights = listed.has(INDEX_FILE)
    ? shardFiles(await readJson(join(folder, INDEX_FILE)), INDEX_FILE)
    : [SINGLE_FILE]
  const missing = weights.find((path) => !listed.has(path))
  if (missing !== undefined) throw new PackError('file_missing', `${what} has no ${missing}; safetensors are needed`)
  await downloadAll(weights.map(file), folder, token, options.progress)
  return folder
}

type Access = { readonly hubUrl: string; readonly accessToken?: string }

async function list(id: string, revision: string, access: Access): Promise<Map<string, Omit<HubFile, 'url'>>> {
  const files = new Map<string, Omit<HubFile, 'url'>>()
  for await (const { path, size, oid, lfs } of listFiles({ repo: id, revision, ...access })) {
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
