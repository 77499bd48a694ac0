import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nanbeigeJson, nanbeigeTemplate } from '../../test/support/nanbeige.ts'
import { ChatRequestError, ChatTemplateSyntaxError } from './errors.ts'
import type { ChatMessage } from './messages.ts'
import { ChatTemplate } from './template.ts'

interface Vector {
  name: string
  messages: ChatMessage[]
  tools?: unknown[]
  prompt: string
}

const { chats }: { chats: Vector[] } = nanbeigeJson('vectors.json')
const nanbeige = nanbeigeTemplate()

describe("Nanbeige's template", () => {
  test.each(chats)('renders $name as the reference does', ({ messages, tools, prompt }) => {
    expect(nanbeige.render(messages, { tools, addGenerationPrompt: true })).toBe(prompt)
  })

  test('tool arguments in text, as clients send them, render like the object of the reference', () => {
    const roundtrip = chats.find(({ name }) => name === 'tool_roundtrip')!
    const messages = roundtrip.messages.map((message) => ({
      ...message,
      tool_calls: message.tool_calls?.map((call) => ({
        function: { ...call.function, arguments: JSON.stringify(call.function.arguments) },
      })),
    }))
    const text = nanbeige.render(messages, { tools: roundtrip.tools, addGenerationPrompt: true })
    expect(text).toBe(roundtrip.prompt)
  })
})

describe('history', () => {
  /** What stands in the prompt for the assistant's words between two questions, and after the last. */
  const said = (message: object) => {
    const [user, assistant] = [
      { role: 'user', content: 'Q' } as const,
      { role: 'assistant', ...message } as ChatMessage,
    ]
    return [
      [user, assistant, user],
      [user, assistant],
    ].map(
      (messages) =>
        nanbeige
          .render(messages, { addGenerationPrompt: false })
          .split('<|im_start|>assistant\n')[1]
          .split('<|im_end|>')[0],
    )
  }

  test.each([
    ['a tag', 'The tag </think> closes.'],
    ['both tags', 'Write <think>so</think> here.'],
    ['a tag before the rest', '</think>All of it.'],
    ['an open tag at the beginning', '<think>All of it.'],
  ])('content that only mentions %s keeps all its text', (_, content) => {
    expect(said({ content })).toEqual([content, `<think>\n\n</think>\n\n${content}`])
  })

  test.each([
    ['<think>\nHm.\n</think>\n\nYes.', 'Hm.', 'Yes.'],
    ['\n<think>Hm.</think>Yes.', 'Hm.', 'Yes.'],
    ['<think>\n\n</think>\n\n', '', ''],
    ['<think>\nHm.\n</think>\n\n    code\n', 'Hm.', '    code\n'],
    ['<think>One <think> two.</think>A <think> and </think>.', 'One <think> two.', 'A <think> and </think>.'],
  ])('content that is %j is taken apart', (content, reasoning_content, answer) => {
    expect(said({ content })).toEqual(said({ content: answer, reasoning_content }))
    expect(said({ content })).toEqual([answer, `<think>\n${reasoning_content}\n</think>\n\n${answer}`])
  })

  test('reasoning of its own leaves content as it is', () => {
    const content = '<think>No.</think>Yes.'
    expect(said({ content, reasoning_content: 'Hm.' })[1]).toBe(`<think>\nHm.\n</think>\n\n${content}`)
  })

  test('a model without the tags writes them as any text', () => {
    const template = new ChatTemplate('{% for m in messages %}{{ m.content }}{% endfor %}', { addedTexts: ['<s>'] })
    const content = '<think>No.</think>Yes.'
    expect(template.render([{ role: 'assistant', content }], { addGenerationPrompt: false })).toBe(content)
  })
})

describe('messages', () => {
  const template = new ChatTemplate('{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}')
  const render = (...messages: ChatMessage[]) => template.render(messages, { addGenerationPrompt: false })

  test('text parts are joined by line breaks', () => {
    const content = [
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two' },
    ]
    expect(render({ role: 'user', content })).toBe('[user:one\ntwo]')
  })

  test('a developer is the system, no content is empty content', () => {
    expect(render({ role: 'developer', content: 'Be kind.' }, { role: 'assistant', content: null })).toBe(
      '[system:Be kind.][assistant:]',
    )
  })

  test('image parts are refused by name and place', () => {
    const content = [{ type: 'text', text: 'What is this?' }, { type: 'image_url' }]
    expect(() => render({ role: 'system', content: '' }, { role: 'user', content })).toThrow(
      expect.objectContaining({
        code: 'unsupported_content',
        param: 'messages.1.content.1',
        message: expect.stringContaining("'image_url'"),
      }),
    )
  })

  test('arguments that are no JSON object stay text', () => {
    const calls = new ChatTemplate('{{ messages[0].tool_calls[0].function.arguments }}')
    const message = (text: string): ChatMessage => ({
      role: 'assistant',
      tool_calls: [{ function: { name: 'f', arguments: text } }],
    })
    expect(calls.render([message('{"broken"')], { addGenerationPrompt: false })).toBe('{"broken"')
    expect(calls.render([message('[1]')], { addGenerationPrompt: false })).toBe('[1]')
  })
})

test('bos_token, eos_token, tools and add_generation_prompt reach the template', () => {
  const template = new ChatTemplate(
    '{{ bos_token }}{% if tools %}{{ tools[0].name }}{% endif %}{% if add_generation_prompt %}>{% endif %}{{ eos_token }}',
    { bosToken: '<s>', eosToken: '</s>' },
  )
  expect(template.render([], { addGenerationPrompt: false })).toBe('<s></s>')
  expect(template.render([], { tools: [{ name: 'f' }], addGenerationPrompt: true })).toBe('<s>f></s>')
})

test('a template that refuses the messages is an error of the request, with its words', () => {
  const template = new ChatTemplate("{{ raise_exception('Roles must alternate') }}")
  const render = () => template.render([], { addGenerationPrompt: true })
  expect(render).toThrow(ChatRequestError)
  expect(render).toThrow(
    expect.objectContaining({ code: 'chat_template_error', message: expect.stringContaining('Roles must alternate') }),
  )
})

test('a template that cannot be parsed is an error of the model', () => {
  expect(() => new ChatTemplate('{% if %}')).toThrow(ChatTemplateSyntaxError)
})

describe("Qwen2.5's template", () => {
  const { template, cases } = JSON.parse(
    readFileSync(new URL('../../test/fixtures/template-qwen2.json', import.meta.url), 'utf8'),
  ) as { template: string; cases: Vector[] }

  test.each(cases)('renders $name as jinja2 does', ({ messages, tools, prompt }) => {
    expect(new ChatTemplate(template).render(messages, { tools, addGenerationPrompt: true })).toBe(prompt)
  })
})

test('texts of the kwargs write no control tokens', () => {
  const template = new ChatTemplate('<|im_end|>{{ style.tone }}', { addedTexts: ['<|im_end|>'] })
  const kwargs = { style: { tone: '<|im_end|>' } }
  const { masked, unmask } = template.renderMasked([], { addGenerationPrompt: true, kwargs })
  expect(masked.split('<|im_end|>')).toHaveLength(2)
  expect(unmask(masked)).toBe('<|im_end|><|im_end|>')
})

test('a message that has only thoughts yet goes on within them', () => {
  const messages = (content: string): ChatMessage[] => [
    { role: 'user', content: 'Why?' },
    { role: 'assistant', content, reasoning_content: 'Hm, so' },
  ]
  const whole = nanbeige.render(messages('Yes.'), { addGenerationPrompt: false })
  const begun = nanbeige.render(messages(''), { addGenerationPrompt: false, continueFinalMessage: true })
  expect(begun).toBe(whole.slice(0, whole.indexOf('Hm, so') + 'Hm, so'.length))
  expect(begun).toContain('<think>')
})
