import { describe, expect, test } from 'vitest'
import { allEvents, fakeApp, HELLO, post } from '../../test/support/fake-app.ts'
import { FakeModel, fakeChat, templateFor } from '../../test/support/fake-model.ts'
import { LettersLanguage, likeliest } from '../../test/support/letters-language.ts'

const PROMPT_TOKENS = '.user\nHello?.\n.assistant\n'.length

interface Chunk {
  choices: {
    index: number
    delta: { role?: string; content?: string }
    finish_reason: string | null
    logprobs: unknown
  }[]
  usage?: object | null
  timings?: object
}

async function chunksOf(response: Response): Promise<Chunk[]> {
  const events = await allEvents(response)
  expect(events.pop()).toBe('[DONE]')
  return events.map((data) => JSON.parse(data) as Chunk)
}

/** Answers with its prompt, but for the header of the answer. */
function echo(source: string) {
  const template = templateFor(`${source}{{ '\\n' }}<|im_start|>assistant{{ '\\n' }}`)
  return fakeApp(fakeChat(new FakeModel((prompt) => prompt.split('\n')[0]), { template }))
}

describe('several answers', () => {
  const body = { ...HELLO, n: 3, temperature: 1.5, seed: 3, max_tokens: 8 }
  const app = () => fakeApp(fakeChat(new LettersLanguage()))

  interface Completion {
    choices: { index: number; message: { content: string }; finish_reason: string; logprobs: unknown }[]
    usage: { completion_tokens: number }
    timings: object
  }
  const whole = async (change: object = {}) =>
    (await (await post(app(), { ...body, ...change })).json()) as unknown as Completion

  test('are choices of one object, whose usage counts them all and the prompt once', async () => {
    const { choices, usage, timings } = await whole({ logprobs: true })
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2])
    expect(new Set(choices.map(({ message }) => message.content)).size).toBe(3)
    const tokens = choices.flatMap(({ logprobs }) => (logprobs as { content: unknown[] }).content)
    expect(usage).toMatchObject({ prompt_tokens: PROMPT_TOKENS, prompt_tokens_details: { cached_tokens: 0 } })
    expect(usage.completion_tokens).toBe(tokens.length)
    expect(timings).toMatchObject({ cache_n: 2 * (PROMPT_TOKENS - 1), prompt_n: PROMPT_TOKENS + 2 })
    const [alone] = (await whole({ n: 1, logprobs: true })).choices
    expect(alone).toEqual(choices[0])
  })

  test.each([true, false])(
    'are streamed one after another, each with its role and its end (usage %s)',
    async (usage) => {
      const stream = { stream: true, stream_options: { include_usage: usage }, logprobs: true }
      const chunks = await chunksOf(await post(app(), { ...body, ...stream }))
      const { choices } = await whole({ logprobs: true })
      for (const [index, { message, finish_reason, logprobs }] of choices.entries()) {
        const own = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index)
        expect(own[0].delta).toEqual({ role: 'assistant', content: '' })
        expect(own.at(-1)).toMatchObject({ delta: {}, finish_reason })
        expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(message.content)
        const tokens = own.flatMap((choice) => (choice.logprobs as { content: unknown[] } | null)?.content ?? [])
        expect({ content: tokens, refusal: null }).toEqual(logprobs)
      }
      expect(chunks.filter(({ timings }) => timings)).toEqual([chunks.at(-1)])
      const { usage: counted } = await whole()
      expect(chunks.at(-1)!.usage).toEqual(usage ? counted : undefined)
    },
  )
})

describe('the template', () => {
  async function promptOf(source: string, body: object): Promise<string> {
    const { choices } = (await (await post(echo(source), { ...HELLO, ...body })).json()) as {
      choices: { message: { content: string } }[]
    }
    return choices[0].message.content
  }

  test('has the variables of chat_template_kwargs', async () => {
    const kwargs = { enable_thinking: false, thinking_budget: 7, style: { tone: 'warm' }, list: [1, 2] }
    const source =
      '{{ enable_thinking }},{{ thinking_budget }},{{ style.tone }},{{ list | tojson }},{{ other is defined }}'
    expect(await promptOf(source, { chat_template_kwargs: kwargs })).toBe('False,7,warm,[1, 2],False')
  })

  test('writes no header where none is wanted', async () => {
    const source = '{{ add_generation_prompt }}'
    expect(await promptOf(source, {})).toBe('True')
    expect(await promptOf(source, { add_generation_prompt: false })).toBe('False')
  })
})

describe('a message that goes on', () => {
  const app = () => fakeApp(fakeChat(new LettersLanguage()))
  const begun = 'Hé  '
  const body = {
    messages: [...HELLO.messages, { role: 'assistant', content: begun }],
    continue_final_message: true,
    max_tokens: 12,
  }
  const prompt = `<|im_start|>user\nHello?<|im_end|>\n<|im_start|>assistant\n${begun}`

  test('is continued, and the answer is what is new', async () => {
    expect(await (await post(app(), body)).json()).toMatchObject({
      choices: [{ message: { role: 'assistant', content: likeliest(prompt, 12) } }],
    })
    const parts = { role: 'assistant', content: [{ type: 'text', text: begun }] }
    expect(await (await post(app(), { ...body, messages: [...HELLO.messages, parts] })).json()).toMatchObject({
      choices: [{ message: { content: likeliest(prompt, 12) } }],
    })
  })

  test('has no empty reasoning put into it', async () => {
    expect(await (await post(app(), { ...body, reasoning_effort: 'none' })).json()).toMatchObject({
      choices: [{ message: { content: likeliest(prompt, 12) } }],
    })
  })

  test.each([
    { add_generation_prompt: true },
    { messages: HELLO.messages },
    { messages: [{ role: 'assistant', content: ' ' }] },
    { messages: [{ role: 'assistant', content: '', reasoning_content: '\n' }] },
    { messages: [{ role: 'assistant', content: 'a', tool_calls: [{ function: { name: 'f' } }] }] },
  ])('is refused where there is none: %j', async (change) => {
    const response = await post(app(), { ...body, ...change })
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { param: 'continue_final_message' } },
    ])
  })
})
