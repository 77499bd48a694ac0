import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cut, cuts } from '../../test/support/cut.ts'
import { ByteTokenizer } from '../../test/support/fake-model.ts'
import { Detokenizer } from '../tokenizer/detokenizer.ts'
import { type AnswerFormat, AnswerParser } from './answer-parser.ts'
import type { ChatEvent } from './events.ts'
import { chatLogprob } from './logprobs.ts'
import type { AnswerToken } from './tag-splitter.ts'
import { answerTags } from './tags.ts'

const tokenizer = new ByteTokenizer()
const FORMAT: AnswerFormat = {
  tags: answerTags(tokenizer),
  startsInReasoning: false,
  parallelToolCalls: true,
  stop: [],
}

/** One token for each byte and tag, with logprobs. */
function tokens(answer: string): AnswerToken[] {
  const detokenizer = new Detokenizer(tokenizer)
  return tokenizer.encode(answer).map((id) => ({
    id,
    text: detokenizer.push(id),
    logprob: chatLogprob(tokenizer, { id, logprobs: { logprob: 0, top: [] } }),
  }))
}

/** The same text, in pieces whose tokens are not known. */
function pieces(answer: string, fractions: readonly number[]): AnswerToken[] {
  return cut(answer, fractions).map((text) => ({ id: undefined, text }))
}

interface Told {
  readonly format?: Partial<AnswerFormat>
  readonly cut?: boolean
}

function parse(answer: readonly AnswerToken[], { format, cut = false }: Told = {}) {
  const parser = new AnswerParser({ ...FORMAT, ...format })
  const events: ChatEvent[] = []
  for (const token of answer) {
    events.push(...parser.push(token))
    if (parser.stopped) break
  }
  events.push(...parser.finish('', cut))
  return { parser, events, ...joined(events) }
}

function joined(events: readonly ChatEvent[]) {
  const calls: { name: string; arguments: string; revoked?: true }[] = []
  let reasoning = ''
  let content = ''
  for (const event of events) {
    if (event.type === 'reasoning') reasoning += event.text
    if (event.type === 'content') content += event.text
    if (event.type === 'toolCall') calls[event.index] = { name: event.name, arguments: '' }
    if (event.type === 'toolCallArguments') calls[event.index].arguments += event.text
    if (event.type === 'toolCallRevoked') calls[event.index].revoked = true
  }
  return { reasoning, content, calls }
}

/** What an answer says, its tags known as tokens. */
function said(answer: string, told: Told = {}) {
  const { reasoning, content, calls } = parse(tokens(answer), told)
  return { reasoning, content, calls }
}

const CALL = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'
const called = { name: 'f', arguments: '{"a": 1}' }

describe('reasoning', () => {
  test.each([
    [
      'is parted from the answer, without the newlines between',
      '<think>\nHm.\n\nYes.\n</think>\n\nNo.',
      'Hm.\n\nYes.',
      'No.',
    ],
    ['may be absent', '\nNo.\n', '', '\nNo.\n'],
    ['may be empty', '<think>\n\n</think>\n\nNo.', '', 'No.'],
    ['may come more than once', '<think>\nA\n</think>\n\nB\n<think>\nC\n</think>\n\nD', 'A\n\nC', 'B\n\n\nD'],
    ['may stand inside content', 'A <think>B</think> C', 'B', 'A  C'],
    ['may not end', '<think>\nHm.\n', 'Hm.\n', ''],
    ['is not opened twice', '<think>A <think> B</think>C', 'A <think> B', 'C'],
    ['may mention tool calls', `<think>${CALL}</think>C`, CALL, 'C'],
    ['that was never opened is not closed', '</think>\n\nA</think>B', '', 'AB'],
    ['keeps its spaces', '<think>\n  A \n</think>\n\n  B ', '  A ', '  B '],
  ])('%s', (_, answer, reasoning, content) => {
    expect(said(answer)).toEqual({ reasoning, content, calls: [] })
  })

  test('may be opened by the prompt', () => {
    const format = { startsInReasoning: true }
    expect(said('\nA\n</think>\n\nB', { format })).toEqual({ reasoning: 'A', content: 'B', calls: [] })
  })

  test('is told as it comes, but for newlines', () => {
    expect(
      parse(tokens('<think>\nHm\n\nm\n</think>\nNo')).events.map(({ type, ...rest }) => [type, rest]),
    ).toMatchObject(
      [...['', '', 'H', 'm', '', '', '\n\nm', '', '', '']]
        .map((text): [string, object] => ['reasoning', { text }])
        .concat([
          ['content', { text: 'N' }],
          ['content', { text: 'o' }],
        ]),
    )
  })

  test('counts its tokens, its tags and the newlines around it', () => {
    expect(parse(tokens('A<think>\nHm\n</think>\n\nNo')).parser.reasoningTokens).toBe('TnHmnTnn'.length - 2)
    expect(parse(tokens('<think>\nHm\n</think>\n\nNo')).parser.reasoningTokens).toBe('TnHmnTnn'.length)
  })

  test('that is spelt without its token is text', () => {
    const spelt = [...'<think>A'].map((text) => ({ id: text.charCodeAt(0), text }))
    expect(joined(parse(spelt).events)).toEqual({ reasoning: '', content: '<think>A', calls: [] })
  })

  test('does not exist for a model without its tokens', () => {
    const told = { format: { tags: new Map() } }
    expect(said('<think>A</think>\n', told)).toEqual({ reasoning: '', content: '<think>A</think>\n', calls: [] })
  })

  test('begins after a character that was never finished', () => {
    const half = tokenizer.encode('😀').slice(0, 2)
    const detokenizer = new Detokenizer(tokenizer)
    const answer = [...half, ...tokenizer.encode('<think>A')].map((id) => ({ id, text: detokenizer.push(id) }))
    expect(joined(parse(answer).events)).toEqual({ reasoning: 'A', content: '\uFFFD', calls: [] })
  })
})

describe('tool calls', () => {
  test.each([
    ['one', CALL, '', [called]],
    ['after reasoning, without content', `<think>\nHm.\n</think>\n\n${CALL}`, '', [called]],
    ['after content, without the newline between', `Wait.\n${CALL}`, 'Wait.', [called]],
    ['several', `${CALL}\n${CALL}\n`, '', [called, called]],
    ['several with content between', `A\n${CALL}\nB\n${CALL}\nC`, 'A\n\nB\n\nC', [called, called]],
    [
      'arguments byte for byte',
      '<tool_call>{"name":"f","arguments":{ "a" :1.50,"b":"\\u00e9\\/é😀" }}</tool_call>',
      '',
      [{ name: 'f', arguments: '{ "a" :1.50,"b":"\\u00e9\\/é😀" }' }],
    ],
    [
      'nested brackets, and quotes and tags in strings',
      '<tool_call>{"name": "f", "arguments": {"a": {"b": [{}, "}]\\"</tool_call><think>\\\\"]}}}</tool_call>',
      '',
      [{ name: 'f', arguments: '{"a": {"b": [{}, "}]\\"</tool_call><think>\\\\"]}}' }],
    ],
    ['arguments first', '<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>', '', [called]],
    ['no arguments', '<tool_call>{"name": "f", "arguments": {}}</tool_call>', '', [{ name: 'f', arguments: '{}' }]],
  ])('%s', (_, answer, content, calls) => {
    expect(said(answer)).toMatchObject({ content, calls })
  })

  const revoked = (text: string) => ({ name: 'f', arguments: text, revoked: true as const })
  test.each([
    ['no JSON', '<tool_call>f(1)</tool_call>', []],
    ['no name', '<tool_call>\n{"arguments": {}}\n</tool_call>', []],
    ['arguments that are text', '<tool_call>{"name": "f", "arguments": "{}"}</tool_call>', []],
    ['nothing in it', '<tool_call></tool_call>', []],
    ['something behind the JSON', '<tool_call>{"name": "f", "arguments": {}} done</tool_call>', [revoked('{}')]],
    ['a tag in it', '<tool_call>{"name": "f", "arguments": {</tool_call>', [revoked('{')]],
    ['JSON that is none', '<tool_call>{"name": "f", "arguments": {a: 1}}</tool_call>', [revoked('{a: 1}')]],
    ['no end', '<tool_call>{"name": "f", "arguments": {"a": 1}}\n', [revoked('{"a": 1}')]],
    ['no end of a string', '<tool_call>{"name": "f", "arguments": {"a</tool_call>', [revoked('{"a</tool_call>')]],
    ['an end only', 'A</tool_call>', []],
  ])('with %s are content', (_, answer, calls) => {
    expect(said(answer)).toEqual({ reasoning: '', content: answer, calls })
  })

  test('that are malformed do not hide the next', () => {
    const broken = '<tool_call>{"name": "f"}'
    expect(said(`${broken}${CALL}`)).toMatchObject({ content: broken, calls: [called] })
    const half = '<tool_call>{"name": "f", "arguments": {'
    expect(said(`${half}${CALL}`)).toMatchObject({ content: half, calls: [revoked('{'), called] })
    expect(said(`${half}<think>A</think>B`)).toMatchObject({ reasoning: 'A', content: `${half}B` })
  })

  test('are told as they come', () => {
    const { events } = parse(tokens('<tool_call>{"name": "f", "arguments": {"é": 1}}</tool_call>'))
    const text = (text: string) => ({ type: 'toolCallArguments', index: 0, text })
    expect(events).toEqual([{ type: 'toolCall', index: 0, name: 'f' }, ...[...'{"é": 1}'].map(text)])
  })

  test('cut by the length limit stay pieces, if they have begun', () => {
    const half = '<tool_call>{"name": "f", "arguments": {"a'
    expect(said(half, { cut: true })).toEqual({ reasoning: '', content: '', calls: [{ name: 'f', arguments: '{"a' }] })
    expect(said('<tool_call>{"name', { cut: true })).toMatchObject({ content: '<tool_call>{"name', calls: [] })
  })

  test('end the answer where only one is wanted', () => {
    const format = { parallelToolCalls: false }
    const { calls, parser } = parse(tokens(`${CALL}${CALL}`), { format })
    expect([calls, parser.stopped, parser.toolCalls]).toEqual([[called], true, 1])
  })
})

describe('stop strings', () => {
  test('end the content, not the reasoning nor a call', () => {
    const format = { stop: ['\n\n', '"a"'] }
    expect(said(`<think>\nA\n\nB\n</think>\n\nC\n${CALL}D\n\nE`, { format })).toEqual({
      reasoning: 'A\n\nB',
      content: 'C\nD',
      calls: [called],
    })
  })

  test('do not reach across a tag', () => {
    const format = { stop: ['AB'] }
    expect(said('A<think>B</think>B AB', { format })).toEqual({ reasoning: 'B', content: 'AB ', calls: [] })
  })

  test('are found at once', () => {
    const { parser } = parse(tokens('A\n\nB').slice(0, 3), { format: { stop: ['\n\n'] } })
    expect(parser.stopped).toBe(true)
  })
})

describe('any answer', () => {
  const json = fc
    .tuple(fc.dictionary(fc.constantFrom('a', '"', '<think>'), fc.jsonValue({ maxDepth: 2 })), fc.constantFrom(0, 1))
    .map(([values, indent]) => JSON.stringify(values, null, indent))
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('<think>', '</think>', '<tool_call>', '</tool_call>') },
    {
      weight: 3,
      arbitrary: fc.constantFrom('\n', '\n\n', 'a', ' b', 'é😀', '<', '<th', '</tool', '{"name": "f"', '}', '"'),
    },
    { weight: 1, arbitrary: json.map((values) => `{"name": "f", "arguments": ${values}`) },
    { weight: 2, arbitrary: json.map((values) => `<tool_call>\n{"name": "f", "arguments": ${values}}\n</tool_call>`) },
  )
  const answer = fc.array(part, { maxLength: 14 }).map((parts) => parts.join(''))
  const told = fc.record({
    cut: fc.boolean(),
    format: fc.record({
      startsInReasoning: fc.boolean(),
      parallelToolCalls: fc.boolean(),
      stop: fc.constantFrom([], ['\n\n'], ['a\n', ' b', '<th']),
    }),
  })

  test('says the same however it is cut, and whether its tokens are known or not', () => {
    fc.assert(
      fc.property(answer, told, cuts, (answer, told, fractions) => {
        // How much of a call was told before it was found malformed is up to the pieces.
        const kept = ({ calls, ...rest }: ReturnType<typeof said>) => ({
          ...rest,
          calls: calls.filter((call) => !call.revoked),
        })
        expect(kept(joined(parse(pieces(answer, fractions), told).events))).toEqual(kept(said(answer, told)))
      }),
      { seed: 20_240_520, numRuns: 1500 },
    )
  })

  test('loses nothing but tags and newlines of reasoning', () => {
    const bare = (text: string) => text.replaceAll(/\n|<\/?think>/g, '')
    fc.assert(
      fc.property(answer, fc.boolean(), (answer, startsInReasoning) => {
        const { events, calls } = parse(tokens(answer), { format: { startsInReasoning } })
        let text = ''
        for (const event of events) {
          if (event.type === 'reasoning' || event.type === 'content') text += event.text
          if (event.type === 'toolCall' && !calls[event.index].revoked) {
            text += `<tool_call>{"name": "f", "arguments": ${calls[event.index].arguments}}</tool_call>`
          }
        }
        expect(bare(text)).toBe(bare(answer))
      }),
      { seed: 20_240_521, numRuns: 1500 },
    )
  })

  test('has the logprobs of its content with it, and one for each token of reasoning', () => {
    fc.assert(
      fc.property(answer, fc.boolean(), (answer, startsInReasoning) => {
        const { events, content, parser } = parse(tokens(answer), { format: { startsInReasoning } })
        const bytes = (type: 'content' | 'reasoning') =>
          events.flatMap((event) => (event.type === type ? (event.logprobs ?? []).map(({ bytes }) => bytes!) : []))
        expect(new TextDecoder().decode(Uint8Array.from(bytes('content').flat()))).toBe(content)
        expect(bytes('reasoning')).toHaveLength(parser.reasoningTokens)
      }),
      { seed: 20_240_522, numRuns: 700 },
    )
  })
})
