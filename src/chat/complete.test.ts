import { describe, expect, test } from 'vitest'
import { QUESTION, run } from '../../test/support/fake-chat.ts'
import { CHATML, EOS_ID, FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import type { ChatModel } from './chat-model.ts'
import { complete } from './complete.ts'
import { ChatTemplate } from './template.ts'

const PROMPT = '<|im_start|>user\nHello?<|im_end|>\n<|im_start|>assistant\n'

function promptLength(chat: ChatModel): number {
  return chat.tokenizer.encode(PROMPT).length
}

test('start, the answer as it grows, finish with usage', async () => {
  const chat = fakeChat(new FakeModel('Hé!'))
  const { events } = await run(chat)
  const promptTokens = promptLength(chat)
  const route = { route: 'edge', reason: 'no-origin' }
  expect(events).toEqual([
    { type: 'start', promptTokens, route },
    { type: 'source', source: 'edge', reason: 'no-origin', edgeTokens: 0 },
    { type: 'content', text: 'H' },
    { type: 'content', text: 'é' },
    { type: 'content', text: '!' },
    {
      type: 'finish',
      reason: 'stop',
      usage: { promptTokens, cachedTokens: 0, completionTokens: 4, reasoningTokens: 0, edgeTokens: 4, originTokens: 0 },
      timings: { promptMs: 0, predictedMs: 0 },
      route,
    },
  ])
})

test('nothing is computed before the reader asks for more than start', async () => {
  const model = new FakeModel('Hi')
  const events = complete(fakeChat(model), QUESTION, new AbortController().signal)
  await events.next()
  await events.return(undefined)
  expect(model.sequences).toBe(0)
})

describe('the prompt', () => {
  test('is the rendered template, after BOS where the model wants it', async () => {
    const prompts: string[] = []
    const model = new FakeModel((prompt) => {
      prompts.push(prompt)
      return ''
    })
    const plain = await run(fakeChat(model))
    const withBos = await run(fakeChat(model, { addBos: true, bosId: EOS_ID }))
    expect(prompts[0]).toBe('user\nHello?\nassistant\n')
    expect(withBos.finish!.usage.promptTokens).toBe(plain.finish!.usage.promptTokens + 1)
  })

  test('has no second BOS where the template wrote one', async () => {
    const chat = fakeChat(new FakeModel(''))
    const bosId = chat.tokenizer.addedToken('<|im_start|>')!
    const { finish } = await run({ ...chat, addBos: true, bosId })
    expect(finish!.usage.promptTokens).toBe(promptLength(chat))
  })

  test('that leaves no room in the context is refused with both numbers', async () => {
    const length = promptLength(fakeChat(new FakeModel('')))
    const refused = run(fakeChat(new FakeModel('Hi', length)))
    await expect(refused).rejects.toMatchObject({
      code: 'context_length_exceeded',
      param: 'messages',
      message: expect.stringMatching(new RegExp(`length is ${length} tokens.* has ${length}:`)),
    })
  })
})

describe('the end', () => {
  test('max tokens', async () => {
    const { text, finish } = await run(fakeChat(new FakeModel('abcdef')), { maxTokens: 3 })
    expect(text).toBe('abc')
    expect(finish).toMatchObject({ reason: 'length', usage: { completionTokens: 3 } })
  })

  test('a full context', async () => {
    const length = promptLength(fakeChat(new FakeModel('')))
    const { text, finish } = await run(fakeChat(new FakeModel('abcdef', length + 4)), { maxTokens: 100 })
    expect(text).toBe('abcd')
    expect(finish).toMatchObject({ reason: 'length' })
  })

  test('a stop string, which computes no further token', async () => {
    const model = new FakeModel('one, two, three')
    const { text, finish } = await run(fakeChat(model), { stop: [', t'] })
    expect(text).toBe('one')
    expect(finish).toMatchObject({ reason: 'stop', usage: { completionTokens: 'one, t'.length } })
    expect(model.decoded).toBe('one, t'.length - 1)
    expect(model.released).toBe(1)
  })

  test('what only looked like a stop string is delivered', async () => {
    const { text } = await run(fakeChat(new FakeModel('one, and two,')), { stop: [', t', ',!'] })
    expect(text).toBe('one, and two,')
  })

  test('an incomplete character shows as U+FFFD', async () => {
    const { text, finish } = await run(fakeChat(new FakeModel('a😀')), { maxTokens: 3 })
    expect(text).toBe('a\uFFFD')
    expect(finish).toMatchObject({ reason: 'length' })
  })

  test('an abort throws its reason', async () => {
    const model = new FakeModel('abcdefgh')
    const abort = new AbortController()
    let text = ''
    const read = async () => {
      for await (const event of complete(fakeChat(model), QUESTION, abort.signal)) {
        if (event.type === 'content') text += event.text
        if (text === 'abc') abort.abort(new Error('enough'))
      }
    }
    await expect(read()).rejects.toThrow('enough')
    expect(text).toBe('abc')
    expect(model.decoded).toBeLessThanOrEqual(3)
    expect(model.released).toBe(1)
  })

  test('a reader that goes away stops the computation', async () => {
    const model = new FakeModel('abcdefgh')
    for await (const event of complete(fakeChat(model), QUESTION, new AbortController().signal)) {
      if (event.type === 'content') break
    }
    expect(model.decoded).toBeLessThanOrEqual(1)
    expect(model.released).toBe(1)
  })
})

describe('logprobs', () => {
  const topLogprobs = 2

  test('come with the text of their token', async () => {
    const { contents } = await run(fakeChat(new FakeModel('Hi')), { topLogprobs })
    expect(contents.map(({ text, logprobs }) => [text, logprobs!.map(({ token }) => token)])).toEqual([
      ['H', ['H']],
      ['i', ['i']],
    ])
    expect(contents[0].logprobs![0]).toEqual({
      token: 'H',
      bytes: [72],
      logprob: expect.closeTo(0, 4),
      top_logprobs: [
        { token: 'H', bytes: [72], logprob: expect.closeTo(0, 4) },
        { token: 'I', bytes: [73], logprob: expect.closeTo(-10, 3) },
      ],
    })
  })

  test('of the bytes of one character come together with it', async () => {
    const { contents } = await run(fakeChat(new FakeModel('a😀')), { topLogprobs })
    expect(contents.map(({ text, logprobs }) => [text, logprobs!.flatMap(({ bytes }) => bytes)])).toEqual([
      ['a', [97]],
      ['😀', [0xf0, 0x9f, 0x98, 0x80]],
    ])
  })

  test('wait for text that is held back, and are all there in the end', async () => {
    const { contents, logprobs } = await run(fakeChat(new FakeModel('a\n\nb\n')), { topLogprobs, stop: ['\n\nUser:'] })
    expect(contents.map(({ text }) => text)).toEqual(['a', '\n\nb', '\n'])
    expect(logprobs.map(({ token }) => token)).toEqual(['a', '\n', '\n', 'b', '\n'])
    for (const { text, logprobs } of contents) expect(logprobs!.map(({ token }) => token).join('')).toBe(text)
  })

  test('end with the text before a stop string', async () => {
    const { text, logprobs } = await run(fakeChat(new FakeModel('one, two')), { topLogprobs, stop: [', t'] })
    expect(text).toBe('one')
    expect(logprobs.map(({ token }) => token)).toEqual(['o', 'n', 'e'])
  })

  test('of tokens that never showed are there too', async () => {
    const { text, logprobs } = await run(fakeChat(new FakeModel('a😀')), { topLogprobs, maxTokens: 3 })
    expect(text).toBe('a\uFFFD')
    expect(logprobs.map(({ bytes }) => bytes)).toEqual([[97], [0xf0], [0x9f]])
  })

  test('are absent unless asked for', async () => {
    const { logprobs } = await run(fakeChat(new FakeModel('Hi')))
    expect(logprobs).toEqual([])
  })
})

const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]

describe('tool calls', () => {
  const call = '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>'

  test('end an answer with their own reason', async () => {
    const { text, toolArguments, finish } = await run(fakeChat(new FakeModel(`Wait.\n${call}`)), { tools })
    expect([text, toolArguments, finish!.reason]).toEqual(['Wait.', '{"a": 1}', 'tool_calls'])
  })

  test('are text where no tool is offered', async () => {
    const { text, toolArguments, finish } = await run(fakeChat(new FakeModel(call)))
    expect([text, toolArguments, finish!.reason]).toEqual([call, '', 'stop'])
  })

  test('that are malformed are text', async () => {
    const { text, finish } = await run(fakeChat(new FakeModel(call.replace('}}', '}'))), { tools })
    expect([text, finish!.reason]).toEqual([call.replace('}}', '}'), 'stop'])
  })

  test('cut at max tokens end it for length', async () => {
    const chat = fakeChat(new FakeModel(call))
    const maxTokens = '.{"name": "f", "arguments": {"a"'.length
    const { text, toolArguments, finish } = await run(chat, { tools, maxTokens })
    expect([text, toolArguments, finish!.reason]).toEqual(['', '{"a"', 'length'])
  })

  test('compute nothing after the first, where one is wanted', async () => {
    const model = new FakeModel(call + call)
    const { finish } = await run(fakeChat(model), { tools, parallelToolCalls: false })
    expect(finish!.reason).toBe('tool_calls')
    expect(finish!.usage.completionTokens).toBe(chatTokens(call))
    expect(model.decoded).toBe(chatTokens(call) - 1)
  })
})

function chatTokens(text: string): number {
  return fakeChat(new FakeModel('')).tokenizer.encode(text).length
}

describe('reasoning', () => {
  const thought = '<think>\nOne.\n\nTwo.\n</think>\n\nYes.'

  test('is kept from the answer and counted', async () => {
    const { reasoning, text, finish } = await run(fakeChat(new FakeModel(thought)))
    expect([reasoning, text]).toEqual(['One.\n\nTwo.', 'Yes.'])
    expect(finish).toMatchObject({
      reason: 'stop',
      usage: { completionTokens: chatTokens(thought), reasoningTokens: chatTokens(thought) - 4 },
    })
  })

  test('may be opened by the template', async () => {
    const template = new ChatTemplate(`${CHATML}{% if add_generation_prompt %}<think>\n{% endif %}`)
    const chat = fakeChat(new FakeModel('<think>\nOne.\n</think>\n\nYes.'), { template })
    const { reasoning, text } = await run(chat)
    expect([reasoning, text]).toEqual(['One.', 'Yes.'])
  })

  test('is not opened by a message that mentions its tag', async () => {
    const messages = [{ role: 'user' as const, content: 'What is <think>' }]
    const { reasoning, text } = await run(fakeChat(new FakeModel('A tag.')), { messages })
    expect([reasoning, text]).toEqual(['', 'A tag.'])
  })

  test('cut at max tokens leaves no answer', async () => {
    const { reasoning, text, finish } = await run(fakeChat(new FakeModel(thought)), { maxTokens: 5 })
    expect([reasoning, text, finish!.reason]).toEqual(['One', '', 'length'])
    expect(finish!.usage).toMatchObject({ completionTokens: 5, reasoningTokens: 5 })
  })

  test('may end the answer', async () => {
    const { reasoning, text, finish } = await run(fakeChat(new FakeModel('<think>\nOne.')))
    expect([reasoning, text, finish!.reason]).toEqual(['One.', '', 'stop'])
  })

  test('has logprobs of its own', async () => {
    const { events, logprobs, finish } = await run(fakeChat(new FakeModel(thought)), { topLogprobs: 0 })
    const ofReasoning = events.flatMap((event) => (event.type === 'reasoning' ? (event.logprobs ?? []) : []))
    expect(ofReasoning.map(({ token }) => token).join('')).toBe('<think>\nOne.\n\nTwo.\n</think>\n\n')
    expect(ofReasoning).toHaveLength(finish!.usage.reasoningTokens)
    expect(logprobs.map(({ token }) => token).join('')).toBe('Yes.')
  })
})

describe('sampling', () => {
  test('a bias for a token that does not exist is refused', async () => {
    const refused = run(fakeChat(new FakeModel('')), { sampling: { logitBias: new Map([[100_000, 1]]) } })
    await expect(refused).rejects.toMatchObject({ code: 'token_id_out_of_range', param: 'logit_bias' })
  })

  test('a bias changes the answer', async () => {
    const bias = new Map([['i'.charCodeAt(0), -100]])
    const { text } = await run(fakeChat(new FakeModel('i')), { sampling: { logitBias: bias }, maxTokens: 1 })
    expect(text).toBe('j')
  })
})
