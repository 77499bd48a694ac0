import type { z } from 'zod'
import { Abortable, abortable } from './abortable.ts'
import { BodyTooLongError, cancel, readToEnd, textOf } from './body.ts'
import { OriginError, type OriginErrorCode } from './errors.ts'
import { EventStream, type StreamEvent } from './event-stream.ts'
import { codeOf, type Failure, failureIn, isFailure } from './failure.ts'
import type { OriginConfig } from './origin-config.ts'
import { beginning, refusal } from './refusal.ts'
import type { RequestTimers } from './timers.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * Of an answer that is no stream, and of a stream from one token to the next. vLLM's first chunk repeats the ids of the prompt, and
 * SGLang's last has all of the answer: some 13 characters for each of up to 262,144.
 */
const MAX_BYTES = 4 * 1024 * 1024
/** Of a stream from one token to the next: an hour of comments. Millions of short lines cost many times their bytes in memory. */
const MAX_LINES = 16 * 1024
/** Of what went wrong, what an error tells. */
const MAX_WORDS = 400
const NEWLINE = 10

/** The HTTP side of one request to one origin. The key goes out in the Authorization header here and nowhere else. */
export class Exchange {
  readonly config: OriginConfig
  readonly #fetch: Fetch
  readonly #timers: RequestTimers
  /** Since the last token. */
  #bytes = 0
  #lines = 0

  constructor(config: OriginConfig, fetch: Fetch, timers: RequestTimers) {
    this.config = config
    this.#fetch = fetch
    this.#timers = timers
  }

  /** `what` may hold words of the origin's own: this is where they lose the key, and all that is too long. */
  error(code: OriginErrorCode, what: string, options: { retryAfterMs?: number; cause?: unknown } = {}): OriginError {
    const { name, key } = this.config
    // Redacted before it is cut: half a key is none that is found.
    const read = what.slice(0, 2 * MAX_WORDS)
    const words = (key?.redact(read) ?? read).replace(/\s+/g, ' ')
    return new OriginError(name, code, words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}….` : words, options)
  }

  failure(failure: Failure): OriginError {
    return this.error(codeOf(failure), `it answers with the error: ${failure.words}.`)
  }

  /** Tokens have come: the wait for them is over. Nothing else that an origin sends ends it. */
  delivered(): void {
    this.#timers.arrived('token')
    this.#bytes = 0
    this.#lines = 0
  }

  /** The JSON that a GET (no body) or a POST answers. */
  async json(path: string, body?: object): Promise<unknown> {
    const response = await this.#request(path, body, body !== undefined)
    this.#timers.waiting()
    let text = ''
    try {
      for await (const piece of textOf(response.body, MAX_BYTES, this.#timers.signal)) text += piece
    } catch (error) {
      if (this.#timers.signal.aborted) throw error
      throw error instanceof BodyTooLongError
        ? this.error('garbage', `the answer of ${path} is longer than ${MAX_BYTES} bytes.`)
        : this.error('stream_cut', `the answer of ${path} broke off.`, { cause: error })
    }
    this.#timers.arrived('response')
    const value = parse(text)
    if (value === undefined) throw this.error('garbage', `the answer of ${path} is no JSON.`)
    if (isFailure(value)) throw this.failure(failureIn(value)!)
    return value
  }

  /**
   * The chunks of a stream, up to its end or "[DONE]". The caller knows whether it ended too early.
   * `beginsWithToken`: the origin sends not even the headers before the first token.
   */
  async *events<Chunk>(
    path: string,
    body: object,
    chunk: z.ZodType<Chunk>,
    beginsWithToken: boolean,
  ): AsyncGenerator<Chunk, void> {
    const reader = await this.#open(path, body, beginsWithToken)
    const reads = new Abortable(this.#timers.signal)
    const stream = new EventStream()
    try {
      for (;;) {
        this.#timers.waiting()
        const { done, value, error } = await this.#read(reader, reads)
        if (value) this.#count(value)
        const events = value ? stream.feed(value) : []
        for (const event of done ? [...events, ...stream.end()] : events) {
          if (event.data.trim() === '[DONE]') return
          const read = this.#chunk(event, chunk, done)
          if (read !== undefined) yield read
        }
        if (error) throw this.error('stream_cut', 'the stream broke off.', { cause: error })
        if (stream.isBroken) throw this.error('garbage', 'the stream is no event stream.')
        if (done) return
      }
    } finally {
      if (this.#timers.signal.aborted) cancel(reader)
      else readToEnd(reader)
    }
  }

  /** A stream that breaks off is done too: what came before may be the whole answer. */
  async #read(
    reader: ReadableStreamDefaultReader<Uint8Array>,
    reads: Abortable,
  ): Promise<{ done: boolean; value?: Uint8Array; error?: unknown }> {
    try {
      return await reads.wait(reader.read())
    } catch (error) {
      if (this.#timers.signal.aborted) throw this.#timers.signal.reason
      return { done: true, error }
    }
  }

  #count(bytes: Uint8Array): void {
    this.#bytes += bytes.length
    for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) this.#lines++
    if (this.#bytes <= MAX_BYTES && this.#lines <= MAX_LINES) return
    throw this.error('garbage', `${this.#bytes} bytes in ${this.#lines} lines came without a token.`)
  }

  /** undefined: none of the answer's, as a ping. `isLast`: it may have been cut off. */
  #chunk<Chunk>({ name, data }: StreamEvent, chunk: z.ZodType<Chunk>, isLast: boolean): Chunk | undefined {
    if (data.trim() === '') return undefined
    const value = parse(data)
    if (name === 'error' || isFailure(value)) throw this.failure(failureIn(value) ?? { words: data, status: undefined })
    const { success, data: read } = chunk.safeParse(value)
    if (success) return read
    if (name !== undefined || (isLast && value === undefined)) return undefined
    const failure = failureIn(value)
    if (failure) throw this.failure(failure)
    throw this.error('garbage', 'an event of the stream is no chunk of an answer.')
  }

  async #open(path: string, body: object, beginsWithToken: boolean): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const response = await this.#request(path, body, beginsWithToken)
    const type = response.headers.get('Content-Type')
    if (response.body && /^text\/event-stream/i.test(type ?? '')) return response.body.getReader()
    this.#timers.waiting()
    const failure = failureIn(parse(await beginning(response.body, this.#timers.signal)))
    if (failure) throw this.failure(failure)
    throw this.error('garbage', `${path} answers ${type ?? 'without a type'}, no event stream.`)
  }

  async #request(path: string, body: object | undefined, beginsWithToken: boolean): Promise<Response> {
    const { url, key } = this.config
    const { signal } = this.#timers
    this.#timers.connecting(beginsWithToken)
    let response: Response
    try {
      response = await abortable(
        this.#fetch(url + path, {
          method: body ? 'POST' : 'GET',
          headers: {
            ...(body && { 'Content-Type': 'application/json' }),
            ...(key && { Authorization: `Bearer ${key.reveal()}` }),
          },
          body: body && JSON.stringify(body),
          // The key must not follow a redirect to another host; nor need a configured URL redirect at all.
          redirect: 'manual',
          signal,
        }),
        signal,
      )
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw networkError(this, error)
    }
    if (!beginsWithToken) this.#timers.arrived('response')
    if (response.ok) return response
    this.#timers.waiting()
    const { code, what, retryAfterMs } = await refusal(path, response, signal)
    throw this.error(code, what, { retryAfterMs })
  }
}

/** undefined: no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Node tells a TLS error by the code of the cause. workerd (1.20261117) hides it from the Worker, as an "internal error" like that of a
 * host without an address, and Cloudflare answers 525 or 526.
 */
function networkError(exchange: Exchange, error: unknown): OriginError {
  const { cause } = error as { cause?: { code?: string; message?: string } }
  const words = `${cause?.code} ${cause?.message} ${(error as Error).message}`
  const isTls = /tls|ssl|certificate|cert_/i.test(words)
  return exchange.error(isTls ? 'tls' : 'unreachable', isTls ? 'TLS failed.' : 'no connection.', { cause: error })
}
