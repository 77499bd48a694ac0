// What an origin can say that is odd, and a real server that says it.
import type { ServerResponse } from 'node:http'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import type { OriginErrorCode } from '../../src/origin/errors.ts'
import { EOS_ID } from '../support/fake-model.ts'
import { DIALECTS } from './fake-origin.ts'
import { continuation, lettersUntil, PROMPT, tokenizer } from './letters-model.ts'

/** Tokens of the whole answer, which ends with a whole character; and of the beginning that a broken one gives. */
export const LENGTH = 24
export const BEGUN = 9
export const next = lettersUntil(PROMPT.ids.length + LENGTH)
export const ANSWER = continuation(PROMPT.ids, LENGTH, next)

/** The key that the origin is asked with. */
export const KEY = 'sk-odd/"origin"-0123456789'

export type Event = Record<string, unknown>

/** What one kind of server says. */
export interface Speech {
  readonly kind: OriginKind
  /** An event for each token of the answer (llama-server: of each character). */
  readonly tokens: Event[]
  /** The first of them. */
  readonly begun: Event[]
  /** The event that ends the whole answer, or what has begun. */
  ended(reason: string | null, tokens?: Event[]): Event
  /** What follows it. */
  readonly tail: (Event | string)[]
}

export interface Reply {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string | Iterable<string> | AsyncIterable<string>
  /** 'cut': the connection breaks; 'open': nothing more comes. */
  readonly end?: 'cut' | 'open'
  readonly gzip?: boolean
}

/** 'whole': the first reply is the answer. A code: it fails with that, and the answer is made whole by asking again. */
export type Outcome = 'whole' | OriginErrorCode

export interface Oddity {
  readonly name: string
  readonly kinds?: readonly OriginKind[]
  /** The request that it strikes; left out: that for tokens. */
  readonly at?: '/v1/models' | '/tokenize'
  readonly reply: (speech: Speech) => Reply
  readonly outcome: Outcome | ({ readonly else: Outcome } & Partial<Record<OriginKind, Outcome>>)
  /** What the log says. */
  readonly says?: string
  /** Where a timer has to run out. */
  readonly timers?: { readonly firstTokenMs?: number; readonly idleMs?: number }
}

export function outcomeOf({ outcome }: Oddity, kind: OriginKind): Outcome {
  return typeof outcome === 'string' ? outcome : (outcome[kind] ?? outcome.else)
}

export const KINDS: readonly OriginKind[] = ['vllm', 'sglang', 'llama-server', 'openai']
/** Those with OpenAI's chunks. */
export const CHOICES: readonly OriginKind[] = ['vllm', 'openai']

export function speech(kind: OriginKind): Speech {
  const said = (ids: readonly number[]) => {
    const events: Event[] = []
    const options = { kind, model: 'letters', tokenizer, next, eosId: EOS_ID }
    const say = DIALECTS[kind](options, (event) => events.push(event as Event), { prompt: PROMPT.ids })
    for (let made = 1; made <= ids.length; made++) say({ ids: ids.slice(0, made), made, finish: undefined })
    return events
  }
  const [tokens, begun] = [said(ANSWER), said(ANSWER.slice(0, BEGUN))]
  return {
    kind,
    tokens,
    begun,
    ended(said, of = tokens) {
      const own = new Map<string | null, string>([
        ['stop', 'eos'],
        ['length', 'limit'],
      ])
      const reason = kind === 'llama-server' ? (own.get(said) ?? said) : said
      const made = of === tokens ? LENGTH : BEGUN
      if (kind === 'sglang') {
        const finish = reason === null ? null : { type: reason }
        return { output_ids: ANSWER.slice(0, made), meta_info: { completion_tokens: made, finish_reason: finish } }
      }
      if (kind === 'llama-server') {
        return { content: '', tokens: [], stop: true, stop_type: reason, tokens_predicted: of.at(-1)!.tokens_predicted }
      }
      return { choices: [{ index: 0, text: '', token_ids: [], finish_reason: reason }] }
    },
    tail: kind === 'llama-server' ? [] : [...(kind === 'sglang' ? [] : [usage(LENGTH)]), '[DONE]'],
  }
}

export const usage = (tokens: unknown) => ({ choices: [], usage: { completion_tokens: tokens } })
export const EVENT_STREAM = { 'Content-Type': 'text/event-stream' }
export const JSON_TYPE = { 'Content-Type': 'application/json' }

export const data = (event: Event | string) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`
export const stream = (events: (Event | string)[], change: Partial<Reply> = {}): Reply => ({
  headers: EVENT_STREAM,
  body: events.map(data).join(''),
  ...change,
})
/** The whole answer, its wire text changed. */
export const whole =
  (change: (text: string) => string) =>
  ({ tokens, ended, tail }: Speech): Reply =>
    stream([], { body: change([...tokens, ended('stop'), ...tail].map(data).join('')) })
/** The whole answer with other events around it. */
export const among =
  (events: (speech: Speech) => (Event | string)[]) =>
  (speech: Speech): Reply =>
    stream(events(speech))
export const begunThen =
  (...last: (Event | string)[]) =>
  ({ begun }: Speech): Reply =>
    stream([...begun, ...last])
export const status =
  (code: number, body = '', headers: Record<string, string> = {}) =>
  (): Reply => ({ status: code, body, headers })
/** Each of its token events changed. */
export const changed =
  (change: (event: Event) => Event) =>
  ({ tokens, ended, tail }: Speech): Reply =>
    stream([...tokens.map(change), ended('stop'), ...tail])
export const choiceOf = ({ choices }: Event) => (choices as Event[])[0]
export const withChoice = (change: (choice: Event) => Event) => (event: Event) => ({
  ...event,
  choices: [change(choiceOf(event))],
})

export function* endless(piece: string): Generator<string> {
  const block = piece.repeat(Math.ceil(64_000 / piece.length))
  for (;;) yield block
}
export function* after(beginning: string, rest: Iterable<string>): Generator<string> {
  yield beginning
  yield* rest
}

export async function* drip(text: string, first = ''): AsyncGenerator<string> {
  yield first
  for (;;) {
    yield text
    await setTimeout(20)
  }
}

/** Sends a reply over the response's socket. `sent` counts its bytes. */
export async function play(
  { status: code = 200, headers = {}, body = '', end, gzip = false }: Reply,
  response: ServerResponse,
  sent: (bytes: number) => void,
): Promise<void> {
  response.writeHead(code, { ...headers, ...(gzip && { 'Content-Encoding': 'gzip' }) })
  response.flushHeaders()
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      sent(chunk.length)
      done(null, chunk)
    },
  })
  const pieces = Readable.from(typeof body === 'string' ? [body].filter(Boolean) : body, { objectMode: false })
  try {
    // Level 1 keeps up with the reader.
    const wire = gzip ? pieces.pipe(createGzip({ level: 1 })).pipe(counted) : pieces.pipe(counted)
    await pipeline(wire, response, { end: end === undefined })
  } catch {
    // The client has heard enough.
    return
  }
  // What was written before goes out first.
  if (end === 'cut') response.socket?.end(() => response.destroy())
}

/** What may come for ever, and is no token. */
export const NO_TOKEN: [string, string][] = [
  ['comments', ': ping\n\n'],
  ['pings', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ['events without data', 'data:\n\n'],
]
