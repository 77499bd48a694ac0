import { describe, expect, test } from 'vitest'
import { fakeApp, HELLO, post } from '../../support/fake-app.ts'
import { FakeModel, fakeChat, type Script } from '../../support/fake-model.ts'
import { ORIGIN_LOGPROB } from '../fake-origin.ts'
import { originApp } from '../origin-app.ts'
import { ask, eachTest, HAND_OVER, LONG, message, thoughts } from './each-test.ts'

const { lines, originOf } = eachTest()

const TOOLS = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]

describe('an answer that moves to the origin', () => {
  const call = '<tool_call>\n{"name": "f", "arguments": {"text": "é好😀", "list": [1.0]}}\n</tool_call>'
  const ANSWERS: [string, string, object][] = [
    ['reasoning and content', LONG, {}],
    [
      'a tool call in its arguments',
      `Wait.\n<tool_call>\n{"name": "f", "arguments": {"text": "${'好'.repeat(120)}"}}\n</tool_call>`,
      { tools: TOOLS },
    ],
    ['tool calls after reasoning', `<think>\n${thoughts(30)}\n</think>\n\n${call}\n${call}`, { tools: TOOLS }],
    ['a stop string', `${'So and so. '.repeat(25)}The end. More.`, { stop: ['The end.', 'never'] }],
    ['a character after the other', '😀好é'.repeat(60), {}],
  ]
  const BUDGET: (typeof ANSWERS)[number] = ['a budget of reasoning', LONG, { max_reasoning_tokens: 90 }]
  const CASES = [
    // Of text the tokens are not known, so that a budget ends a little elsewhere.
    ...ANSWERS.map((answer) => ['openai', ...answer] as const),
    ...[...ANSWERS, BUDGET].map((answer) => ['vllm', ...answer] as const),
    ...(['sglang', 'llama-server'] as const).flatMap((kind) =>
      [ANSWERS[0], BUDGET].map((answer) => [kind, ...answer] as const),
    ),
  ]

  test.each(CASES)('%s, %s: says what one model says', async (kind, _, script, change) => {
    const speak: Script = (_, answer) => {
      // After reasoning that was cut short the same answer follows.
      const end = answer.indexOf('</think>')
      const [, rest] = script.split('</think>')
      return end < 0 || rest === undefined ? script : `${answer.slice(0, end)}</think>${rest}`
    }
    const origin = await originOf(speak, { kind })
    const app = originApp({ model: new FakeModel(speak), origins: [{ url: origin.url, kind }], env: HAND_OVER })
    const alone = await ask(fakeApp(fakeChat(new FakeModel(speak))), change)
    const both = await ask(app, change)
    expect(message(both)).toEqual(message(alone))
    const { edge_tokens, origin_tokens } = both.usage.nanbeige
    expect(edge_tokens + origin_tokens).toBe(both.usage.completion_tokens)
    expect(Math.min(edge_tokens, origin_tokens)).toBeGreaterThan(0)
    // Where text is exchanged, tokens are the origin's count of it.
    if (kind !== 'openai') {
      expect(both.usage.completion_tokens).toBe(alone.usage.completion_tokens)
      expect(both.usage.completion_tokens_details).toEqual(alone.usage.completion_tokens_details)
    }
    if (kind === 'vllm' && !('max_reasoning_tokens' in change)) {
      const asked = origin.bodies.at(-1)!.prompt as number[]
      expect(asked).toHaveLength(both.usage.prompt_tokens + edge_tokens)
    }
  })

  test('has logprobs of every token', async () => {
    const script = 'It is so. '.repeat(25)
    const { url } = await originOf(script)
    const app = originApp({ model: new FakeModel(script), origins: [{ url }], env: HAND_OVER })
    const { choices, usage } = await ask(app, { logprobs: true, top_logprobs: 1 })
    const { content } = choices[0].logprobs
    expect(content).toHaveLength(script.length)
    const ofOrigin = content.filter(({ logprob }) => logprob === ORIGIN_LOGPROB)
    expect(ofOrigin).toHaveLength(usage.nanbeige.origin_tokens)
    expect(usage.nanbeige.origin_tokens).toBeGreaterThan(0)
  })

  test('ends at max_tokens of both together', async () => {
    const { url } = await originOf(LONG)
    const app = originApp({ model: new FakeModel(LONG), origins: [{ url }], env: HAND_OVER })
    const { choices, usage } = await ask(app, { max_tokens: 200 })
    expect(choices[0].finish_reason).toBe('length')
    expect(usage.completion_tokens).toBe(200)
    expect(usage.nanbeige.edge_tokens + usage.nanbeige.origin_tokens).toBe(200)
    expect(usage.nanbeige.origin_tokens).toBeGreaterThan(0)
  })

  test('goes on at the origin when the edge’s context is full', async () => {
    const script = 'It is so. '.repeat(30)
    const { url } = await originOf(script)
    const app = originApp({ model: new FakeModel(script, 64), origins: [{ url }] })
    const { choices, usage } = await ask(app)
    expect(choices[0]).toMatchObject({ message: { content: script }, finish_reason: 'stop' })
    expect(usage.nanbeige).toMatchObject({ route: 'edge-then-origin' })
    expect(usage.nanbeige.edge_tokens).toBeLessThan(64)
  })

  test('says so in the log, with the id of the completion', async () => {
    const { url } = await originOf(LONG)
    const response = await post(originApp({ model: new FakeModel(LONG), origins: [{ url }], env: HAND_OVER }), HELLO)
    const { id } = (await response.json()) as { id: string }
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ event: 'handover', completion: id }),
    )
  })
})
