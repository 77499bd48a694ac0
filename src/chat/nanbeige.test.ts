import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { cut, cuts } from '../../test/support/cut.ts'
import { nanbeigeTemplate, nanbeigeTokenizer } from '../../test/support/nanbeige.ts'
import { Detokenizer, decode } from '../tokenizer/detokenizer.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import { AnswerParser } from './answer-parser.ts'
import type { ChatEvent } from './events.ts'
import type { ChatMessage } from './messages.ts'
import { ReasoningBudget } from './reasoning-budget.ts'
import type { AnswerToken } from './tag-splitter.ts'
import { answerTags, endsInReasoning, type Tags } from './tags.ts'
import type { ChatTemplate } from './template.ts'

const QUESTION: ChatMessage = { role: 'user', content: 'What is <think>?' }

// No newlines at the ends: they belong to the frame.
const words = fc
  .array(fc.constantFrom('a', ' b', '  c ', '\n', '\n\n', '你好', '😀', '{"x": [', '"}', '<', '< /think>'), {
    maxLength: 8,
  })
  .map((parts) => parts.join('').replace(/^\n+|\n+$/g, ''))
const value = fc.oneof(words, fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.integer(), { maxLength: 3 }))
const toolCall = fc
  .dictionary(fc.constantFrom('city', '单位', '"'), fc.oneof(value, fc.dictionary(fc.constantFrom('a', 'b'), value)))
  .map((values) => ({ function: { name: 'get_weather', arguments: values } }))
const message = fc.record({
  role: fc.constant('assistant' as const),
  reasoning_content: words,
  content: words,
  tool_calls: fc.array(toolCall, { maxLength: 3 }),
})

describe('Nanbeige', () => {
  let tokenizer: Tokenizer
  let template: ChatTemplate
  let tags: Tags
  let prompt: number[]

  beforeAll(() => {
    tokenizer = nanbeigeTokenizer()
    template = nanbeigeTemplate()
    tags = answerTags(tokenizer)
    prompt = tokenizer.encode(template.render([QUESTION], { addGenerationPrompt: true }))
  })

  /** What the model would have written to be given back as this message. */
  function answerIds(message: ChatMessage): number[] {
    const ids = tokenizer.encode(template.render([QUESTION, message], { addGenerationPrompt: false }))
    expect(ids.slice(0, prompt.length)).toEqual(prompt)
    return ids.slice(prompt.length, ids.lastIndexOf(tokenizer.addedToken('<|im_end|>')!))
  }

  function withText(ids: readonly number[]): AnswerToken[] {
    const detokenizer = new Detokenizer(tokenizer, prompt.at(-1))
    return ids.map((id) => ({ id, text: detokenizer.push(id) }))
  }

  function parser(): AnswerParser {
    return new AnswerParser({
      tags,
      startsInReasoning: endsInReasoning(prompt, tags, tokenizer),
      parallelToolCalls: true,
      stop: [],
    })
  }

  function messageOf(answer: readonly AnswerToken[]) {
    const reading = parser()
    const events: ChatEvent[] = [...answer.flatMap((token) => reading.push(token)), ...reading.finish('', false)]
    const calls: { name: string; arguments: string }[] = []
    const text = { reasoning: '', content: '' }
    for (const event of events) {
      if (event.type === 'reasoning' || event.type === 'content') text[event.type] += event.text
      if (event.type === 'toolCall') calls.push({ name: event.name, arguments: '' })
      if (event.type === 'toolCallArguments') calls[event.index].arguments += event.text
    }
    return {
      role: 'assistant' as const,
      reasoning_content: text.reasoning,
      content: text.content,
      tool_calls: calls.map((call) => ({ function: call })),
    }
  }

  test('has the tags as tokens', () => {
    expect([...tags]).toEqual([
      [166103, '<think>'],
      [166104, '</think>'],
      [166105, '<tool_call>'],
      [166106, '</tool_call>'],
    ])
  })

  test('writes what parses to the message that its template writes so', () => {
    fc.assert(
      fc.property(message, cuts, (message, fractions) => {
        const ids = answerIds(message)
        const read = messageOf(withText(ids))
        expect([read.reasoning_content, read.content]).toEqual([message.reasoning_content, message.content])
        expect(read.tool_calls.map(({ function: { arguments: text } }) => JSON.parse(text))).toEqual(
          message.tool_calls.map(({ function: { arguments: values } }) => ({ ...values })),
        )
        expect(answerIds(read)).toEqual(ids)
        const text = cut(decode(tokenizer, ids), fractions).map((text) => ({ id: undefined, text }))
        expect(messageOf(text)).toEqual(read)
      }),
      { seed: 20_240_530, numRuns: 500 },
    )
  })

  test.each([
    ['Easy', 'Easy'],
    ['Easy.\n', 'Easy.'],
    ['好😀', '好😀'],
  ])('has reasoning %j closed as its template would', (written, reasoning) => {
    const reading = parser()
    const open = tokenizer.encode(`<think>\n${written}`)
    for (const token of withText(open)) reading.push(token)
    const closed = [...open, ...new ReasoningBudget(() => open.length, reading, tokenizer).forced()]
    expect(closed).toEqual(answerIds({ role: 'assistant', reasoning_content: reasoning, content: '' }))
  })

  test('has no reasoning put first as its template would', () => {
    const forced = new ReasoningBudget(() => 0, parser(), tokenizer).forced()
    expect(forced).toEqual(answerIds({ role: 'assistant', reasoning_content: '', content: '' }))
  })
})
