import {
  among,
  CHOICES,
  changed,
  choiceOf,
  data,
  LENGTH,
  NO_TOKEN,
  type Oddity,
  type Outcome,
  stream,
  usage,
  whole,
  withChoice,
} from './oddity.ts'

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
/** Ends, usages and choices of every form. */
export const CHUNKS: readonly Oddity[] = [
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
]
