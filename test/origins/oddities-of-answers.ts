import {
  after,
  BEGUN,
  begunThen,
  CHOICES,
  data,
  drip,
  EVENT_STREAM,
  type Event,
  endless,
  JSON_TYPE,
  KEY,
  KINDS,
  NO_TOKEN,
  type Oddity,
  type Outcome,
  status,
  stream,
  usage,
  whole,
} from './oddity.ts'

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

/** Failures, statuses, bodies that lie or never end. */
export const ANSWERS: readonly Oddity[] = [
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
