import { createParser } from 'eventsource-parser'
import { Abortable, abortable } from './abortable.ts'
import { type ByteReader, byteReader } from './byte-reader.ts'
import { OriginError, type OriginErrorCode } from './errors.ts'
import type { OriginConfig } from './origin-config.ts'
import { refusal } from './refusal.ts'
import type { RequestTimers } from './timers.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** vLLM's first chunk repeats the ids of the prompt: some 8 characters for each of up to 262,144. */
const MAX_EVENT_CHARACTERS = 8 * 1024 * 1024
/** How long the end of a response may take after its answer, in ms. */
const REST_MS = 250

/** The HTTP side of one request to one origin. The key goes out in the Authorization header here and nowhere else. */
export class Exchange {
  readonly config: OriginConfig
  readonly #fetch: Fetch
  readonly #timers: RequestTimers

  constructor(config: OriginConfig, fetch: Fetch, timers: RequestTimers) {
    this.config = config
    this.#fetch = fetch
    this.#timers = timers
  }

  error(code: OriginErrorCode, what: string, cause?: unknown): OriginError {
    return new OriginError(this.config.name, code, what, { cause })
  }

  /** The JSON that a GET (no body) or a POST answers. */
  async json(path: string, body?: object): Promise<unknown> {
    const response = await this.#request(path, body, body !== undefined)
    this.#timers.waiting()
    try {
      return await abortable(response.json(), this.#timers.signal)
    } catch (error) {
      if (this.#timers.signal.aborted) throw error
      throw error instanceof SyntaxError
        ? this.error('garbage', `the answer of ${path} is no JSON.`)
        : this.error('stream_cut', `the answer of ${path} broke off.`, error)
    } finally {
      this.#timers.arrived('response')
    }
  }

  /**
   * The JSON of each event of a stream, up to its end or "[DONE]". The caller knows whether it ended too early.
   * `beginsWithToken`: the origin sends not even the headers before the first token.
   */
  async *events(path: string, body: object, beginsWithToken: boolean): AsyncGenerator<unknown> {
    const reader = await this.#open(path, body, beginsWithToken)
    const decoder = new TextDecoder()
    const data: string[] = []
    const reads = new Abortable(this.#timers.signal)
    let broken: OriginError | undefined
    const parser = createParser({
      maxBufferSize: MAX_EVENT_CHARACTERS,
      onEvent: (event) => data.push(event.data),
      onError: () => {
        broken ??= this.error('garbage', 'the stream is no event stream.')
      },
    })
    try {
      for (;;) {
        this.#timers.waiting()
        let read: Awaited<ReturnType<ByteReader['read']>>
        try {
          read = await reads.wait(reader.read())
        } catch (error) {
          throw this.#timers.signal.aborted
            ? this.#timers.signal.reason
            : this.error('stream_cut', 'the stream broke off.', error)
        }
        const { done, value } = read
        if (value) parser.feed(decoder.decode(value, { stream: true }))
        for (const text of data.splice(0)) {
          if (text === '[DONE]') return
          const event = this.#parse(text)
          this.#timers.arrived('token')
          yield event
        }
        if (broken) throw broken
        if (done) return
      }
    } finally {
      if (this.#timers.signal.aborted) cancel(reader)
      else readToEnd(reader)
    }
  }

  async #open(path: string, body: object, beginsWithToken: boolean): Promise<ByteReader> {
    const { body: bytes, headers } = await this.#request(path, body, beginsWithToken)
    const type = headers.get('Content-Type')
    if (bytes && /^text\/event-stream/i.test(type ?? '')) return byteReader(bytes)
    await bytes?.cancel()
    throw this.error('garbage', `${path} answers ${type ?? 'without a type'}, no event stream.`)
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      throw this.error('garbage', 'an event of the stream is no JSON.')
    }
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
    throw await abortable(refusal(this.config, path, response), signal)
  }
}

/** What follows an answer is read too: a connection whose response has ended serves the next request. */
async function readToEnd(reader: ByteReader): Promise<void> {
  const tooLong = setTimeout(() => cancel(reader), REST_MS)
  try {
    while (!(await reader.read()).done);
  } catch {
    // It is nobody's answer any more.
  } finally {
    clearTimeout(tooLong)
  }
}

/** A broken stream cannot be cancelled, and need not be. */
function cancel(reader: ByteReader): void {
  reader.cancel().catch(() => {})
}

/** Node tells a TLS error by the code of the cause; workerd hides it from the Worker, and Cloudflare answers 525 or 526. */
function networkError(exchange: Exchange, error: unknown): OriginError {
  const { cause } = error as { cause?: { code?: string; message?: string } }
  const words = `${cause?.code} ${cause?.message} ${(error as Error).message}`
  const isTls = /tls|ssl|certificate|cert_/i.test(words)
  return exchange.error(isTls ? 'tls' : 'unreachable', isTls ? 'TLS failed.' : 'no connection.', error)
}
