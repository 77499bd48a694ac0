import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ExactJson, parseExactJson } from '../jinja/exact-json.ts'
import { ChatRequestError } from './errors.ts'
import type { ChatMessage } from './messages.ts'
import { ChatTemplate, type TemplateTokens } from './template.ts'

// What Python's jinja2 makes of public templates: test/reference/chat_templates.py, test/fixtures/chat-templates/README.md.
const FOLDER = 'test/fixtures/chat-templates'
const source = readFileSync(`${FOLDER}/prompts.json`, 'utf8')
const { chats, prompts } = JSON.parse(source) as {
  chats: Record<string, { messages: ChatMessage[] }>
  prompts: Record<string, Record<string, string | null>>
}
// What transformers makes of chats whose last message goes on: test/reference/continued_messages.py.
const continued = JSON.parse(readFileSync(`${FOLDER}/continued.json`, 'utf8')) as {
  chats: Record<string, ChatMessage[]>
  prompts: Record<string, Record<string, string | null>>
}
/** Numbers and the order of keys as they are written. */
const exact = parseExactJson(source) as ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<string, ExactJson>>>
const HEADERLESS = ', without a header'

const families = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.jinja'))
  .map((file) => file.replace('.jinja', ''))

// Their spellings, so that all that is masked for them goes through the templates too.
const TOKENS: TemplateTokens[] = [
  { bosToken: '<s>', eosToken: '</s>' },
  {
    bosToken: '<s>',
    eosToken: '</s>',
    addedTexts: [
      '<s>',
      '</s>',
      '<|user|>',
      '<|system|>',
      '<b>',
      '[INST]',
      'call00001',
      '{"',
      '<tool_response>',
      '[AVAILABLE_TOOLS]',
      '[TOOL_CALLS]',
      '<messages>',
      '<|content|>',
    ],
  },
]

// The hour of the script.
beforeAll(() => void vi.useFakeTimers({ now: new Date(2026, 0, 2, 3, 4, 5), toFake: ['Date'] }))
afterAll(() => void vi.useRealTimers())

test('all that is there was rendered by Python', () => {
  expect(Object.keys(prompts)).toEqual(families)
  expect(families.length).toBeGreaterThanOrEqual(10)
})

describe.each(families)('%s', (family) => {
  const text = readFileSync(`${FOLDER}/${family}.jinja`, 'utf8')

  test.each(Object.entries(prompts[family]))('%s', (name, expected) => {
    const chat = name.replace(HEADERLESS, '')
    const { messages } = chats[chat]
    const tools = exact.get('chats')!.get(chat)!.get('tools') as ExactJson[] | null
    for (const tokens of TOKENS) {
      const template = new ChatTemplate(text, tokens)
      const render = () =>
        template.render(messages, { tools: tools ?? undefined, addGenerationPrompt: !name.endsWith(HEADERLESS) })
      if (expected === null) expect(render).toThrow(ChatRequestError)
      else expect(render()).toBe(expected)
    }
  })

  test.each(Object.entries(continued.prompts[family]))('%s, to go on', (name, expected) => {
    for (const tokens of TOKENS) {
      const template = new ChatTemplate(text, tokens)
      const render = () =>
        template.render(continued.chats[name], { addGenerationPrompt: false, continueFinalMessage: true })
      if (expected === null) expect(render).toThrow(ChatRequestError)
      else expect(render()).toBe(expected)
    }
  })
})
