import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { ExponentialBackoff, handleWhen, retry } from 'cockatiel'
import { PackError, writeFailed } from '../pack-error.ts'
import { HUB_PATIENCE_MS } from './fetch.ts'

/** A file of a hub repository at one commit. */
export interface HubFile {
  readonly url: string
  readonly path: string
  readonly bytes: number
  /** Of a file in large-file storage; others have the hash that git gives them. */
  readonly sha256: string | undefined
  readonly gitSha1: string | undefined
}

/** Something that another attempt may mend. */
class TransientError extends Error {}

const ATTEMPTS = 6

/** From half a second to half a minute between attempts. */
const attempts = retry(
  handleWhen((error) => error instanceof TransientError),
  { maxAttempts: ATTEMPTS - 1, backoff: new ExponentialBackoff({ initialDelay: 500, maxDelay: 30_000 }) },
)

/** An attempt that fetched as much does not count as failed: a long download may break often. */
const PROGRESS_BYTES = 1 << 20
/** Longest that a busy hub may have us wait. */
const MAX_RETRY_AFTER_SECONDS = 300

export interface DownloadOptions {
  readonly token: string | undefined
  /** Told of bytes as they are there, those of an earlier run first. */
  readonly advance: (bytes: number) => void
  readonly signal: AbortSignal
}

/** Download a file to `to`, going on where an earlier run broke off, and check its size and hash. Throws PackError. */
export async function downloadHubFile(file: HubFile, to: string, options: DownloadOptions): Promise<void> {
  const { advance, signal } = options
  if ((await sizeOf(to)) === file.bytes) return advance(file.bytes)
  const part = `${to}.part`
  advance(Math.min((await sizeOf(part)) ?? 0, file.bytes))
  try {
    // Also where it is empty: then there is nothing yet that could be whole.
    while (((await sizeOf(part)) ?? -1) < file.bytes)
      await attempts.execute(() => fetchSome(file, part, options), signal)
  } catch (error) {
    if (!(error instanceof TransientError)) throw error
    throw new PackError(
      'download_failed',
      `${file.path}: ${error.message}; run the same command again, it goes on where it stopped`,
    )
  }
  if (!(await hasHash(part, file))) {
    await rm(part)
    throw new PackError(
      'checkpoint_damaged',
      `${file.path}: the bytes differ from the hash that the hub states; they were removed, run the same command again`,
    )
  }
  await rename(part, to)
}

/** Fetch what is missing, or a good part of it. */
async function fetchSome(file: HubFile, part: string, { token, advance, signal }: DownloadOptions): Promise<void> {
  const have = (await sizeOf(part)) ?? 0
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(have > 0 && { Range: `bytes=${have}-` }) }
  const patience = new Patience()
  const response = await fetch(file.url, { headers, signal: AbortSignal.any([signal, patience.signal]) }).catch(
    (error: Error) => {
      throw new TransientError(`no connection (${(error.cause as Error | undefined)?.message ?? error.message})`)
    },
  )
  if (!response.ok || response.body === null) {
    patience.end()
    await response.body?.cancel()
    await waitAsTold(response, signal)
    throw refusal(response.status, file.path)
  }
  // A server without ranges sends all of it: then the beginning is skipped.
  const skip = response.status === 206 ? 0 : have
  const body = upTo(file, have - skip, patience.watch(response.body))
  const problem = await append(body, part, skip, advance)
  const { size } = await stat(part)
  if (size < file.bytes && size - have < PROGRESS_BYTES) {
    throw new TransientError(problem ?? `${size} of ${file.bytes} bytes came`)
  }
}

/** Ends a download that stands still. */
class Patience {
  readonly #stop = new AbortController()
  readonly #timer = setTimeout(() => this.#stop.abort(new Error('nothing came for too long')), HUB_PATIENCE_MS)

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body) {
        this.#timer.refresh()
        yield chunk
      }
    } finally {
      this.end()
    }
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

/** The bytes of a body that follow `start` of a file. Throws PackError where there are more than the hub has stated. */
async function* upTo(file: HubFile, start: number, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let at = start
  for await (const chunk of body) {
    at += chunk.length
    if (at > file.bytes) {
      throw new PackError(
        'checkpoint_damaged',
        `${file.path}: the hub sends more than the ${file.bytes} bytes that it states; run the same command again`,
      )
    }
    yield chunk
  }
}

/** Append a body without its first `skip` bytes to a file; returns how the connection broke, if it did. Throws PackError. */
async function append(
  body: AsyncIterable<Uint8Array>,
  part: string,
  skip: number,
  advance: (bytes: number) => void,
): Promise<string | undefined> {
  const handle = await open(part, 'a').catch((error) => {
    throw writeFailed(part, error)
  })
  let left = skip
  try {
    for await (const chunk of body) {
      const fresh = chunk.subarray(Math.min(left, chunk.length))
      left -= chunk.length - fresh.length
      await handle.appendFile(fresh).catch((error) => {
        throw writeFailed(part, error)
      })
      advance(fresh.length)
    }
  } catch (error) {
    if (error instanceof PackError) throw error
    return `the connection broke (${(error as Error).message})`
  } finally {
    await handle.close()
  }
}

/** RFC 9110, 10.2.3, in its seconds form. */
async function waitAsTold({ headers }: Response, signal: AbortSignal): Promise<void> {
  const seconds = Number(headers.get('Retry-After'))
  if (seconds > 0) await wait(Math.min(seconds, MAX_RETRY_AFTER_SECONDS) * 1000, undefined, { signal })
}

/** What an answer of the hub that is no file means. */
export function refusal(status: number, what: string): Error {
  if (status === 401 || status === 403) {
    return new PackError(
      'download_failed',
      `${what}: access is refused (${status}); accept the model's terms on its page, and put a token that may read it in HF_TOKEN`,
    )
  }
  if (status === 404) {
    return new PackError(
      'file_missing',
      `${what}: the hub has no such model, revision or file; private models need HF_TOKEN`,
    )
  }
  if (status === 416)
    return new PackError('checkpoint_damaged', `${what}: what is there is larger than the file; remove it`)
  if (status === 429 || status >= 500) return new TransientError(`the hub answers ${status}`)
  return new PackError('download_failed', `${what}: the hub answers ${status}`)
}

/** Runs what asks the hub, again after what may pass. Throws PackError. */
export async function asksHub<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await attempts.execute(async () => {
      try {
        return await ask()
      } catch (error) {
        if (error instanceof Error && 'statusCode' in error) throw refusal(Number(error.statusCode), what)
        // What fetch throws has a cause; other type errors will be the same next time.
        if (error instanceof DOMException && error.name === 'TimeoutError')
          throw new TransientError('no answer in time')
        if (error instanceof TypeError && error.cause) throw new TransientError(`no connection (${error.message})`)
        throw error
      }
    })
  } catch (error) {
    if (error instanceof PackError) throw error
    const { message } = error as Error
    throw new PackError(
      'download_failed',
      error instanceof TransientError
        ? `${what}: ${message}; try again later`
        : `${what}: the hub's answer is not understood (${message}); check HF_ENDPOINT`,
    )
  }
}

/** undefined of a file that is not there. */
async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  )
}

async function hasHash(path: string, { bytes, sha256, gitSha1 }: HubFile): Promise<boolean> {
  const hash = createHash(sha256 === undefined ? 'sha1' : 'sha256')
  // What git hashes: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
  if (sha256 === undefined) hash.update(`blob ${bytes}\0`)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk)
  const expected = sha256 ?? gitSha1
  return expected === undefined || hash.digest('hex') === expected
}
