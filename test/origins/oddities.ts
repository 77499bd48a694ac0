// How origins end strangely and send too much, and what must come of it: played by a real server, for every kind of client.
import type { ServerResponse } from 'node:http'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import type { OriginErrorCode } from '../../src/origin/errors.ts'
import type { OriginKind } from '../../src/origin/origin-config.ts'
import { EOS_ID } from '../fake-model.ts'
import { DIALECTS } from './fake-origin.ts'
import { continuation, lettersUntil, PROMPT, tokenizer } from './letters-model.ts'

/** Tokens of the whole answer, which ends with a whole character; and of the beginning that a broken one gives. */
export const LENGTH = 24
const BEGUN = 9
export const next = lettersUntil(PROMPT.ids.length + LENGTH)
export const ANSWER = continuation(PROMPT.ids, LENGTH, next)

/** The key that the origin is asked with. */
export const KEY = 'sk-odd/"origin"-0123456789'

type Event = Record<string, unknown>

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
const CHOICES: readonly OriginKind[] = ['vllm', 'openai']

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

const usage = (tokens: unknown) => ({ choices: [], usage: { completion_tokens: tokens } })
const EVENT_STREAM = { 'Content-Type': 'text/event-stream' }
const JSON_TYPE = { 'Content-Type': 'application/json' }

const data = (event: Event | string) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`
const stream = (events: (Event | string)[], change: Partial<Reply> = {}): Reply => ({
  headers: EVENT_STREAM,
  body: events.map(data).join(''),
  ...change,
})
/** The whole answer, its wire text changed. */
const whole =
  (change: (text: string) => string) =>
  ({ tokens, ended, tail }: Speech): Reply =>
    stream([], { body: change([...tokens, ended('stop'), ...tail].map(data).join('')) })
/** The whole answer with other events around it. */
const among =
  (events: (speech: Speech) => (Event | string)[]) =>
  (speech: Speech): Reply =>
    stream(events(speech))
const begunThen =
  (...last: (Event | string)[]) =>
  ({ begun }: Speech): Reply =>
    stream([...begun, ...last])
const status =
  (code: number, body = '', headers: Record<string, string> = {}) =>
  (): Reply => ({ status: code, body, headers })
/** Each of its token events changed. */
const changed =
  (change: (event: Event) => Event) =>
  ({ tokens, ended, tail }: Speech): Reply =>
    stream([...tokens.map(change), ended('stop'), ...tail])
const choiceOf = ({ choices }: Event) => (choices as Event[])[0]
const withChoice = (change: (choice: Event) => Event) => (event: Event) => ({
  ...event,
  choices: [change(choiceOf(event))],
})

function* endless(piece: string): Generator<string> {
  const block = piece.repeat(Math.ceil(64_000 / piece.length))
  for (;;) yield block
}
function* after(beginning: string, rest: Iterable<string>): Generator<string> {
  yield beginning
  yield* rest
}

const END_REASONS: [string, Outcome][] = [
  ['stop', 'whole'],
  ['eos', 'whole'],
  ['length', 'whole'],
  ['abort', 'server_error'],
  ['error', 'server_error'],
  ['content_filter', 'content_filtered'],
  ['tool_calls', 'server_error'],
  ['a word that nobody knows', 'server_error'],
]
const STATUSES: [number, Outcome][] = [
  [400, 'bad_request'],
  [401, 'unauthorized'],
  [402, 'unauthorized'],
  [403, 'unauthorized'],
  [404, 'wrong_model'],
  [408, 'server_error'],
  [422, 'bad_request'],
  [425, 'server_error'],
  [429, 'rate_limited'],
  [500, 'server_error'],
  [501, 'bad_request'],
  [502, 'server_error'],
  [503, 'server_error'],
  [504, 'server_error'],
  [529, 'server_error'],
]
const FAILURES: [string, Event, Outcome][] = [
  ['an error with a message', { error: { message: 'out of memory', type: 'server_error' } }, 'server_error'],
  ['an error that is a string', { error: 'out of memory' }, 'server_error'],
  ['an error of the form of 2023', { object: 'error', message: 'out of memory', code: 500 }, 'server_error'],
  [
    'an error with choices',
    { error: { code: 502, message: 'out of memory' }, choices: [{ text: '' }] },
    'server_error',
  ],
  ['an error of its load', { error: { code: 429, message: 'out of memory' } }, 'rate_limited'],
  ['an error of a length', { error: { message: 'out of memory: maximum context length is 9' } }, 'context_exceeded'],
]
const NO_TOKEN: [string, string][] = [
  ['comments', ': ping\n\n'],
  ['pings', 'event: ping\ndata: {"type":"ping"}\n\n'],
  ['events without data', 'data:\n\n'],
]

export const ODDITIES: readonly Oddity[] = [
  ...END_REASONS.map(([reason, outcome]): Oddity => {
    const isWhole = outcome === 'whole'
    return {
      name: `ends with '${reason}'`,
      reply: ({ tokens, begun, ended, tail }) =>
        stream(isWhole ? [...tokens, ended(reason), ...tail] : [...begun, ended(reason, begun), '[DONE]']),
      outcome,
      ...(!isWhole && { says: reason }),
    }
  }),
  {
    name: 'never ends with a reason, but [DONE]',
    reply: among(({ begun }) => [...begun, '[DONE]']),
    outcome: 'stream_cut',
  },
  {
    name: 'ends with the reason null',
    reply: among(({ begun, ended, tail }) => [...begun, ended(null, begun), ...tail]),
    outcome: { else: 'stream_cut', 'llama-server': 'server_error' },
  },
  {
    name: 'ends without [DONE]',
    reply: among(({ tokens, ended }) => [...tokens, ended('stop')]),
    outcome: 'whole',
  },
  {
    name: 'breaks off after the reason',
    reply: (speech) => stream([...speech.tokens, speech.ended('stop')], { end: 'cut' }),
    outcome: 'whole',
  },
  {
    name: 'last event without a blank line',
    reply: ({ tokens, ended }) => stream(tokens, { body: [...tokens, ended('stop')].map(data).join('').trimEnd() }),
    outcome: 'whole',
  },
  {
    name: 'cut off within the last event',
    reply: ({ tokens, ended }) => stream(tokens, { body: [...tokens, ended('stop')].map(data).join('').slice(0, -9) }),
    outcome: 'stream_cut',
  },
  { name: 'lines end with CR LF', reply: whole((text) => text.replaceAll('\n', '\r\n')), outcome: 'whole' },
  { name: 'lines end with CR', reply: whole((text) => text.replaceAll('\n', '\r')), outcome: 'whole' },
  { name: 'begins with a byte order mark', reply: whole((text) => `\ufeff${text}`), outcome: 'whole' },
  { name: 'no space after data:', reply: whole((text) => text.replaceAll('data: ', 'data:')), outcome: 'whole' },
  ...[
    ...NO_TOKEN,
    ['retry and id', 'retry: 3000\nid: 7\n\n'],
    ['a retry that is no number', 'retry: soon\n\n'],
    ['pings with a message', 'event: ping\ndata: {"message":"alive"}\n\n'],
    ['pings that are no JSON', 'event: ping\ndata: ping\n\n'],
  ].map(
    ([name, text]): Oddity => ({
      name: `${name} between the events`,
      reply: whole((events) => text + events.replaceAll('\n\n', `\n\n${text}`)),
      outcome: 'whole',
    }),
  ),
  {
    name: 'usage before and after the reason',
    kinds: CHOICES,
    reply: among(({ tokens, ended }) => [
      ...tokens.flatMap((event, index) => [event, usage(index + 1)]),
      ended('stop'),
      usage(LENGTH),
      '[DONE]',
    ]),
    outcome: 'whole',
  },
  ...[
    ['usage without completion_tokens', { prompt_tokens: 3 }],
    ['usage null', null],
    ['a usage of words', { completion_tokens: 'many' }],
    ['a usage of 0', { completion_tokens: 0 }],
    ['a usage beyond the limit', { completion_tokens: 1e15 }],
  ].map(
    ([name, usage]): Oddity => ({
      name: `${name} in every event`,
      kinds: CHOICES,
      reply: changed((event) => ({ ...event, usage })),
      outcome: 'whole',
    }),
  ),
  {
    name: 'text null in the last event',
    kinds: CHOICES,
    reply: among(({ tokens, ended, tail }) => [
      ...tokens,
      withChoice((choice) => ({ ...choice, text: null }))(ended('stop')),
      ...tail,
    ]),
    outcome: 'whole',
  },
  {
    name: 'no text in the last event',
    kinds: CHOICES,
    reply: among(({ tokens, ended, tail }) => [
      ...tokens,
      withChoice(({ text: _, ...choice }) => choice)(ended('stop')),
      ...tail,
    ]),
    outcome: 'whole',
  },
  {
    name: 'content null in the last event',
    kinds: ['llama-server'],
    reply: among(({ tokens, ended }) => [...tokens, { ...ended('eos'), content: null }]),
    outcome: 'whole',
  },
  {
    name: 'a choice whose index is text',
    kinds: CHOICES,
    reply: changed(withChoice((choice) => ({ ...choice, index: '0' }))),
    outcome: 'whole',
  },
  {
    name: 'a second choice in every event',
    kinds: CHOICES,
    reply: changed((event) => ({
      choices: [
        { ...choiceOf(event), index: 1, text: 'no', token_ids: [1] },
        { ...choiceOf(event), index: 0 },
      ],
    })),
    outcome: 'whole',
  },
  {
    name: 'events of a second choice',
    kinds: CHOICES,
    reply: among(({ tokens, ended, tail }) => [
      ...tokens.flatMap((event) => [
        event,
        { choices: [{ index: 1, text: 'no', token_ids: [1], finish_reason: 'stop' }] },
      ]),
      ended('stop'),
      ...tail,
    ]),
    outcome: 'whole',
  },
  {
    name: 'chunks of a chat',
    kinds: CHOICES,
    reply: changed((event) => ({ choices: [{ index: 0, delta: { content: choiceOf(event).text } }] })),
    outcome: { else: 'ids_lost', openai: 'garbage' },
  },
  ...FAILURES.map(
    ([name, event, outcome]): Oddity => ({
      name: `${name} in the stream`,
      reply: begunThen(event, '[DONE]'),
      outcome,
      says: 'out of memory',
    }),
  ),
  {
    name: 'an error in a field of its own',
    reply: ({ begun }) => stream([], { body: `${begun.map(data).join('')}error: {"message":"out of memory"}\n\n` }),
    outcome: 'server_error',
    says: 'out of memory',
  },
  {
    name: 'an error event that is no JSON',
    reply: ({ begun }) => stream([], { body: `${begun.map(data).join('')}event: error\ndata: out of memory\n\n` }),
    outcome: 'server_error',
    says: 'out of memory',
  },
  {
    name: 'aborted with a message',
    kinds: ['sglang'],
    reply: ({ begun }) => {
      const finish = { type: 'abort', message: 'The input is longer than the context length.', status_code: 400 }
      return stream([...begun, { output_ids: [], meta_info: { completion_tokens: 0, finish_reason: finish } }])
    },
    outcome: 'context_exceeded',
    says: 'is longer than',
  },
  {
    name: 'an error in place of a stream, with status 200',
    reply: () => ({ headers: JSON_TYPE, body: '{"error":{"message":"out of memory"}}' }),
    outcome: 'server_error',
    says: 'out of memory',
  },
  ...STATUSES.map(
    ([code, outcome]): Oddity => ({ name: `status ${code}`, reply: status(code), outcome, says: `${code}` }),
  ),
  {
    name: 'status 500 that repeats the key',
    reply: status(500, JSON.stringify({ error: { message: `Bearer ${KEY} and ${KEY.slice(3, 20)}…` } })),
    outcome: 'server_error',
    says: '[secret]',
  },
  {
    name: 'an error in the stream that repeats the key',
    reply: begunThen({ error: { message: `Bearer ${KEY} ${encodeURIComponent(KEY)}` } }),
    outcome: 'server_error',
    says: '[secret]',
  },
  {
    name: 'ends with the key as its reason',
    reply: ({ begun, ended }) => stream([...begun, ended(KEY, begun)]),
    outcome: 'server_error',
    says: '[secret]',
  },
  {
    name: 'a list of models that names the key',
    at: '/v1/models',
    reply: () => ({ headers: JSON_TYPE, body: JSON.stringify({ data: [{ id: `for ${KEY}` }] }) }),
    outcome: 'wrong_model',
    says: '[secret]',
  },
  {
    name: 'status 502 with a page',
    reply: status(502, `<html><head><title>502 Bad Gateway</title></head>${'<p>'.repeat(999)}</html>`),
    outcome: 'server_error',
    says: '502: 502 Bad Gateway.',
  },
  {
    name: 'a page with status 200',
    reply: () => ({ headers: { 'Content-Type': 'text/html' }, body: '<title>Log in</title>' }),
    outcome: 'garbage',
    says: 'text/html',
  },
  { name: 'status 204', reply: status(204), outcome: 'garbage' },
  { name: 'a redirect', reply: status(307, '', { Location: 'http://127.0.0.1:1/' }), outcome: 'redirected' },
  {
    name: 'a redirect of the list of models',
    at: '/v1/models',
    reply: status(301, '', { Location: 'http://127.0.0.1:1/' }),
    outcome: 'redirected',
  },
  {
    name: 'a longer Content-Length than body, after the reason',
    reply: (speech) => {
      const { body } = stream([...speech.tokens, speech.ended('stop')])
      return stream([], { headers: { ...EVENT_STREAM, 'Content-Length': '99999' }, body, end: 'cut' })
    },
    outcome: 'whole',
  },
  {
    name: 'a longer Content-Length than body, in the middle',
    reply: ({ begun }) => stream(begun, { headers: { ...EVENT_STREAM, 'Content-Length': '99999' }, end: 'cut' }),
    outcome: 'stream_cut',
  },
  {
    name: 'a shorter Content-Length than body',
    reply: (speech) => ({
      ...whole((text) => text)(speech),
      headers: { ...EVENT_STREAM, 'Content-Length': '400' },
    }),
    outcome: 'stream_cut',
  },
  {
    name: 'a longer Content-Length than the list of models',
    at: '/v1/models',
    reply: () => ({ headers: { ...JSON_TYPE, 'Content-Length': '999' }, body: '{"data":[]}', end: 'cut' }),
    outcome: 'stream_cut',
  },
  {
    name: 'a gzipped stream',
    reply: (speech) => ({ ...whole((text) => text)(speech), gzip: true }),
    outcome: 'whole',
  },
  {
    name: 'a gzip that is none',
    reply: () => stream([], { headers: { ...EVENT_STREAM, 'Content-Encoding': 'gzip' }, body: 'data: 1\n\n' }),
    outcome: 'stream_cut',
  },
  ...(['/v1/models', '/tokenize'] as const).flatMap((at): Oddity[] => {
    const kinds = at === '/tokenize' ? KINDS.filter((kind) => kind !== 'openai') : KINDS
    return [
      {
        name: `a gzip bomb at ${at}`,
        at,
        kinds,
        reply: () => ({ body: endless(' '), gzip: true }),
        outcome: 'garbage',
      },
      { name: `an endless answer of ${at}`, at, kinds, reply: () => ({ body: endless(' ') }), outcome: 'garbage' },
      {
        name: `an endless error of ${at}`,
        at,
        kinds,
        reply: () => ({ status: 500, body: endless('no ') }),
        outcome: 'server_error',
      },
    ]
  }),
  {
    name: 'an endless error',
    reply: () => ({ status: 503, body: endless('no ') }),
    outcome: 'server_error',
    says: '503',
  },
  {
    name: 'an error that never ends, slowly',
    reply: () => ({ status: 503, body: 'no', end: 'open' }),
    outcome: 'server_error',
    says: '503: no.',
  },
  { name: 'an endless JSON', reply: () => ({ headers: JSON_TYPE, body: endless('[') }), outcome: 'garbage' },
  ...[
    ['an endless line', 'data: "', 'x'],
    ['endless data lines', '', 'data: x\n'],
    ['endless empty data lines', '', 'data:\n'],
    ['endless lines of a field', '', 'id: 1\n'],
    ...NO_TOKEN.map(([name, text]) => [`endless ${name}`, '', text]),
  ].flatMap(([name, first, text]): Oddity[] => [
    { name, reply: () => stream([], { body: after(first, endless(text)) }), outcome: 'garbage' },
    {
      name: `${name}, gzipped, in the middle`,
      reply: ({ begun }) => stream([], { body: after(begun.map(data).join('') + first, endless(text)), gzip: true }),
      outcome: 'garbage',
    },
  ]),
  {
    name: 'endless chunks without a token',
    reply: ({ kind, begun }) => {
      const chunk =
        kind === 'sglang' ? begun.at(-1)! : kind === 'llama-server' ? { ...begun.at(-1)!, tokens: [] } : usage(1)
      return stream([], { body: after(begun.map(data).join(''), endless(data(chunk))) })
    },
    // llama-server asks for the ids that it seems to have lost.
    outcome: 'garbage',
  },
  ...[-1, 1, 10 ** 9].map(
    (step): Oddity => ({
      name: `a count of tokens that ${step < 0 ? 'goes down' : step === 1 ? 'stands still' : 'leaps'}`,
      kinds: ['sglang', 'llama-server'],
      reply: ({ kind, begun }) => {
        const counted = step === 1 ? 1 : BEGUN + step
        const last = begun.at(-1)!
        if (kind === 'llama-server') return stream([...begun, { ...last, tokens_predicted: counted }])
        return stream([...begun, { ...last, meta_info: { completion_tokens: counted } }])
      },
      outcome: { else: 'ids_lost', 'llama-server': 'garbage' },
    }),
  ),
  ...['7', '"words"', 'null', '[]', '[[7]]', '{}', '{"choices":null}', '{"choices":[null]}', '{"message":null}'].map(
    (event): Oddity => ({ name: `an event ${event}`, reply: begunThen(event), outcome: 'garbage' }),
  ),
  {
    name: 'a million things where ids belong',
    reply: ({ kind }) => {
      const ids = Array(200_000).fill('a')
      const made = { completion_tokens: 1 }
      if (kind === 'sglang') return stream([{ output_ids: ids, meta_info: made }])
      if (kind === 'llama-server') return stream([{ content: '', tokens: ids, stop: false, tokens_predicted: 1 }])
      return stream([{ choices: ids }])
    },
    outcome: 'garbage',
  },
  {
    name: 'an error within errors',
    reply: () => stream([], { body: `data: ${'{"error":'.repeat(200_000)}1${'}'.repeat(200_000)}\n\n` }),
    outcome: 'server_error',
  },
  {
    name: 'nothing but headers',
    reply: () => stream([], { body: '', end: 'open' }),
    outcome: 'first_token_timeout',
    timers: { firstTokenMs: 1500 },
  },
  {
    name: 'nothing but headers of the list of models',
    at: '/v1/models',
    reply: () => ({ body: '', end: 'open' }),
    outcome: 'first_token_timeout',
    timers: { firstTokenMs: 1500 },
  },
  ...NO_TOKEN.map(
    ([name, text]): Oddity => ({
      name: `${name} for ever before the first token`,
      reply: () => stream([], { body: drip(text) }),
      outcome: 'first_token_timeout',
      timers: { firstTokenMs: 1500 },
    }),
  ),
  ...NO_TOKEN.map(
    ([name, text]): Oddity => ({
      name: `${name} for ever in the middle`,
      reply: ({ begun }) => stream([], { body: drip(text, begun.map(data).join('')) }),
      outcome: 'idle_timeout',
      timers: { idleMs: 1000 },
    }),
  ),
  {
    name: 'events without a choice for ever in the middle',
    kinds: CHOICES,
    reply: ({ begun }) => stream([], { body: drip(data(usage(1)), begun.map(data).join('')) }),
    outcome: 'idle_timeout',
    timers: { idleMs: 1000 },
  },
  {
    name: 'empty texts for ever in the middle',
    kinds: CHOICES,
    reply: ({ begun, ended }) => stream([], { body: drip(data(ended(null)), begun.map(data).join('')) }),
    outcome: 'idle_timeout',
    timers: { idleMs: 1000 },
  },
  {
    name: 'models of strange forms beside ours',
    at: '/v1/models',
    reply: () => {
      const ours = { id: 'letters', max_model_len: 'long', aliases: 7, meta: [] }
      return { headers: JSON_TYPE, body: JSON.stringify({ data: [null, { id: 7 }, 'x', ours] }) }
    },
    outcome: 'whole',
  },
  {
    name: 'models of no form',
    at: '/v1/models',
    reply: () => ({ headers: JSON_TYPE, body: '{"data":{"id":"letters"}}' }),
    outcome: 'garbage',
  },
]

async function* drip(text: string, first = ''): AsyncGenerator<string> {
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
