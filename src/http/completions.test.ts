import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { continuation } from '../../test/origins/letters-model.ts'
import { allEvents, fakeApp } from '../../test/support/fake-app.ts'
import { ByteTokenizer, EOS_ID, fakeChat } from '../../test/support/fake-model.ts'
import { LettersLanguage, likeliest } from '../../test/support/letters-language.ts'

const tokenizer = new ByteTokenizer()

interface Choice {
  index: number
  text: string
  finish_reason: string | null
  logprobs: {
    tokens: string[]
    token_logprobs: (number | null)[]
    top_logprobs: (Record<string, number> | null)[]
    text_offset: number[]
  } | null
}
interface Completion {
  id: string
  object: string
  model: string
  choices: Choice[]
  usage?: { prompt_tokens: number; completion_tokens: number } | null
  timings?: object
  error?: { code: string; param: string; message: string }
}

function request(body: object, language = new LettersLanguage(), chat: object = {}): Promise<Response> {
  return Promise.resolve(
    fakeApp(fakeChat(language, chat)).request('/v1/completions', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  )
}

async function complete(...args: Parameters<typeof request>): Promise<Completion & { status: number }> {
  const response = await request(...args)
  return { status: response.status, ...((await response.json()) as Completion) }
}

async function chunksOf(...args: Parameters<typeof request>): Promise<Completion[]> {
  const events = await allEvents(await request(...args))
  expect(events.pop()).toBe('[DONE]')
  return events.map((data) => JSON.parse(data))
}

/** What the chunks of a stream join to. */
function joined(chunks: readonly Completion[], index: number) {
  const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index)
  const logprobs = own.flatMap((choice) => choice.logprobs ?? [])
  return {
    index,
    text: own.map(({ text }) => text).join(''),
    finish_reason: own.at(-1)!.finish_reason,
    logprobs: logprobs.length
      ? {
          tokens: logprobs.flatMap(({ tokens }) => tokens),
          token_logprobs: logprobs.flatMap(({ token_logprobs }) => token_logprobs),
          top_logprobs: logprobs.flatMap(({ top_logprobs }) => top_logprobs),
          text_offset: logprobs.flatMap(({ text_offset }) => text_offset),
        }
      : null,
  }
}

describe('a prompt', () => {
  test('goes on as it is, without a template, for 16 tokens', async () => {
    const { id, object, model, choices, usage, timings } = await complete({ prompt: 'Once ', model: 'fake-model' })
    expect(id).toMatch(/^cmpl-/)
    expect([object, model]).toEqual(['text_completion', 'fake-model'])
    expect(choices).toEqual([{ index: 0, text: likeliest('Once ', 16), logprobs: null, finish_reason: 'length' }])
    expect(usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 16, total_tokens: 21 })
    expect(timings).toMatchObject({ prompt_n: 5, predicted_n: 16 })
  })

  test('may be tokens, several texts, or several lists of tokens', async () => {
    const ids = tokenizer.encode('ab')
    const others = [...tokenizer.encode('<|im_start|>x')]
    const texts = async (prompt: unknown) => (await complete({ prompt, max_tokens: 5 })).choices.map(({ text }) => text)
    expect(await texts(ids)).toEqual([likeliest('ab', 5)])
    expect(await texts(['ab', 'b'])).toEqual([likeliest('ab', 5), likeliest('b', 5)])
    expect(await texts([ids, others])).toEqual([likeliest('ab', 5), likeliest(others, 5)])
  })

  test('has the control tokens that it writes, and BOS where the model wants one before a text', async () => {
    const tokens = async (prompt: unknown, chat: object = {}) =>
      (await complete({ prompt, max_tokens: 1 }, undefined, chat)).usage!.prompt_tokens
    expect(await tokens('<|im_start|>a')).toBe(2)
    const bos = { addBos: true, bosId: EOS_ID }
    expect(await tokens('a', bos)).toBe(2)
    expect(await tokens('<|im_end|>a', bos)).toBe(2)
    expect(await tokens(tokenizer.encode('a'), bos)).toBe(1)
  })

  test('is no chat: tags of reasoning and calls are text', async () => {
    const language = new LettersLanguage()
    const think = tokenizer.addedToken('<think>')!
    const { choices } = await complete({ prompt: 'a', max_tokens: 2, logit_bias: { [think]: 100 } }, language)
    expect(choices[0].text).toBe('<think><think>')
  })

  test('stops at stop strings and stop tokens', async () => {
    const text = likeliest('a', 16)
    const end = text.indexOf(' ')
    const stops = [{ stop: text.slice(end, end + 2) }, { stop: [' '] }, { stop_token_ids: tokenizer.encode(' ') }]
    for (const body of stops) {
      const { choices } = await complete({ prompt: 'a', ...body })
      expect(choices[0]).toMatchObject({ text: text.slice(0, end), finish_reason: 'stop' })
    }
  })
})

test('several answers to several prompts are choices in the order of the prompts', async () => {
  const body = { prompt: ['ab', 'b'], n: 2, temperature: 1.5, seed: 5, max_tokens: 6 }
  const { choices, usage } = await complete(body)
  expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3])
  for (const [index, prompt] of ['ab', 'b'].entries()) {
    const alone = await complete({ ...body, prompt })
    expect(alone.choices.map(({ text }) => text)).toEqual(
      choices.slice(2 * index, 2 * index + 2).map(({ text }) => text),
    )
  }
  expect(usage!.prompt_tokens).toBe(3)
  const chunks = await chunksOf({ ...body, stream: true, stream_options: { include_usage: true } })
  for (const choice of choices) expect(joined(chunks, choice.index)).toEqual(choice)
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage, timings: { predicted_n: usage!.completion_tokens } })
})

describe('echo', () => {
  test('puts the prompt before each answer', async () => {
    const body = { prompt: ['ab', 'é'], n: 2, echo: true, max_tokens: 4, temperature: 0 }
    const { choices } = await complete(body)
    const expected = ['ab', 'ab', 'é', 'é'].map((prompt) => prompt + likeliest(prompt, 4))
    expect(choices.map(({ text }) => text)).toEqual(expected)
    const chunks = await chunksOf({ ...body, stream: true })
    expect(choices.map(({ index }) => joined(chunks, index).text)).toEqual(expected)
  })

  test('of tokens is their text, control tokens as they are written', async () => {
    const { choices } = await complete({ prompt: tokenizer.encode('<|im_start|>aé'), echo: true, max_tokens: 0 })
    expect(choices).toMatchObject([{ text: '<|im_start|>aé', finish_reason: 'length' }])
  })
})

describe('logprobs', () => {
  test('are those of each token, with its place in the text', async () => {
    const { choices } = await complete({ prompt: 'ab', logprobs: 2, max_tokens: 20 })
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0].logprobs!
    expect(tokens).toHaveLength(20)
    const bytes = continuation(tokenizer.encode('ab'), 20)
    const characters = [...choices[0].text]
    for (const [index, token] of tokens.entries()) {
      expect(token).toBe(
        bytes[index] < 0x80 ? String.fromCharCode(bytes[index]) : `bytes:\\x${bytes[index].toString(16)}`,
      )
      if (bytes[index] < 0x80) expect(characters[text_offset[index]]).toBe(token)
      expect(top_logprobs[index]![token]).toBe(token_logprobs[index])
      expect(Object.keys(top_logprobs[index]!)).toHaveLength(2)
      expect(Math.max(...Object.values(top_logprobs[index]!))).toBe(token_logprobs[index])
    }
    const chunks = await chunksOf({ prompt: 'ab', logprobs: 2, max_tokens: 20, stream: true })
    expect(joined(chunks, 0)).toEqual(choices[0])
  })

  test('with echo are those of the prompt too, as the model has them after each part of it', async () => {
    const language = new LettersLanguage()
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '<|im_start|>'), minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(text, async (prompt) => {
        const body = { prompt, echo: true, logprobs: 1, max_tokens: 3, temperature: 0 }
        const [{ text, logprobs }] = (await complete(body)).choices
        const promptIds = tokenizer.encode(prompt)
        expect(text).toBe(prompt + likeliest(promptIds, 3))
        const ids = [...promptIds, ...continuation(promptIds, 3)]
        const expected = ids.map((id, index) =>
          index === 0 ? null : logprob(language.logits(ids.slice(0, index)), id),
        )
        expect(logprobs!.token_logprobs).toEqual(
          expected.map((value) => (value === null ? null : expect.closeTo(value, 4))),
        )
        expect(logprobs!.top_logprobs[0]).toBeNull()
        expect(joined(await chunksOf({ ...body, stream: true }), 0)).toMatchObject({ text, logprobs })
      }),
      { numRuns: 20 },
    )
  })

  test('of a prompt alone: no token is made', async () => {
    const language = new LettersLanguage()
    const body = { prompt: ['abc', 'b'], n: 2, echo: true, logprobs: 0, max_tokens: 0 }
    const { choices, usage } = await complete(body, language)
    expect(choices.map(({ text, logprobs }) => [text, logprobs!.tokens.join('')])).toEqual([
      ['abc', 'abc'],
      ['abc', 'abc'],
      ['b', 'b'],
      ['b', 'b'],
    ])
    expect(usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 0 })
    // Each prompt is scored once, its last token never run.
    expect(language.forwarded.flat()).toEqual(tokenizer.encode('ab'))
  })
})

function logprob(logits: Float32Array, id: number): number {
  return logits[id] - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
}

test('the conversation of a chat, written by hand, goes on as the chat does', async () => {
  const language = new LettersLanguage()
  const app = fakeApp(fakeChat(language))
  const chat = await app.request('/v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9 }),
  })
  const prompt = '<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n'
  const { choices, usage } = await complete({ prompt, max_tokens: 9 })
  const whole = (await chat.json()) as { choices: { message: { content: string } }[]; usage: unknown }
  expect([choices[0].text, usage]).toEqual([whole.choices[0].message.content, whole.usage])
})

describe('what cannot be answered', () => {
  test.each([
    [{}, 'prompt', 'invalid_value'],
    [{ prompt: [] }, 'prompt', 'invalid_value'],
    [{ prompt: [1, 'a'] }, 'prompt', 'invalid_value'],
    [{ prompt: [[]] }, 'prompt.0', 'invalid_value'],
    [{ prompt: [1.5] }, 'prompt', 'invalid_value'],
    [{ prompt: Array(129).fill('a') }, 'prompt', 'invalid_value'],
    [{ prompt: Array(100).fill('a'), n: 2 }, 'n', 'invalid_value'],
    [{ prompt: '' }, 'prompt', 'empty_prompt'],
    [{ prompt: [9999] }, 'prompt', 'token_id_out_of_range'],
    [{ prompt: 'x'.repeat(2000) }, 'prompt', 'context_length_exceeded'],
    [{ prompt: Array(2000).fill(7) }, 'prompt', 'context_length_exceeded'],
    [{ prompt: 'a', logprobs: true }, 'logprobs', 'invalid_value'],
    [{ prompt: 'a', logprobs: 21 }, 'logprobs', 'invalid_value'],
    [{ prompt: 'a', best_of: 3 }, 'best_of', 'invalid_value'],
    [{ prompt: 'a', suffix: 'z' }, 'suffix', 'unsupported_parameter'],
    [{ prompt: 'a', prompt_logprobs: 1 }, 'prompt_logprobs', 'unsupported_parameter'],
    [{ prompt: 'a', regex: 'a', ebnf: 'root ::= "a"' }, 'ebnf', 'conflicting_parameters'],
  ])('%j: %s, %s', async (body, param, code) => {
    const { status, error } = await complete(body)
    expect([status, error]).toMatchObject([400, { param, code }])
  })

  test('another model is a 404', async () => {
    expect(await complete({ prompt: 'a', model: 'gpt-3.5-turbo-instruct' })).toMatchObject({
      status: 404,
      error: { code: 'model_not_found' },
    })
  })
})
