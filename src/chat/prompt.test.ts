import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteTokenizer } from '../../test/support/fake-model.ts'
import { nanbeigeTemplateText, nanbeigeTokenizer } from '../../test/support/nanbeige.ts'
import { smolLm2Tables } from '../../test/support/smollm2-tokenizer-tables.ts'
import { decode } from '../tokenizer/detokenizer.ts'
import { loadTokenizer } from '../tokenizer/load.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { ChatMessage } from './messages.ts'
import * as prompt from './prompt.ts'
import { ChatTemplate } from './template.ts'

const encodePrompt = (of: Model, request: Parameters<typeof prompt.encodePrompt>[1]) =>
  prompt.encodePrompt(of, request, Number.POSITIVE_INFINITY, new AbortController().signal)

const family = (name: string) => readFileSync(`test/fixtures/chat-templates/${name}.jinja`, 'utf8')
const smolLm2 = smolLm2Tables()

/** Tokens of a template and a vocabulary. */
interface Model {
  readonly tokenizer: Tokenizer
  readonly template: ChatTemplate
  readonly addBos: boolean
  readonly bosId: number | null
}

function model(tokenizer: Tokenizer, source: string): Model {
  return {
    tokenizer,
    template: new ChatTemplate(source, { addedTexts: tokenizer.addedTexts }),
    addBos: false,
    bosId: null,
  }
}

// Every message field that a template can print, and more.
const EVERY_FIELD = `{% for m in messages %}<|im_start|>{{ m.role }}{{ m.name }}{{ m.extra }}{{ m.content }}{{ m.reasoning_content }}{{ m.tool_call_id }}{% for c in
m.tool_calls %}<tool_call>{{ c.function.name }}{{ c.function.arguments }}<{{ c.function.name }}>{{ c.id }}|im_end|>{% endfor %}{{ m.content|trim|lower }}<|im_end|>{%
endfor %}{% for t in tools or [] %}{{ t }}{{ t.function.name }}{{ t.function.description }}{{ t|tojson }}{% for k in t.function.parameters or [] %}<{{ k }}>{% endfor %}{% endfor %}`

const models: Record<string, () => Model> = {
  'every field': () => model(new ByteTokenizer(), EVERY_FIELD),
  'SmolLM2 in its own template': () =>
    model(
      loadTokenizer(smolLm2!),
      JSON.parse(readFileSync('weights/smollm2-135m-instruct/manifest.json', 'utf8')).chatTemplate,
    ),
  'SmolLM2 in Qwen 3’s template': () => model(loadTokenizer(smolLm2!), family('qwen-3')),
  Nanbeige: () => model(nanbeigeTokenizer(), nanbeigeTemplateText()),
}

const PLAIN = [
  'a',
  ' ',
  '\n',
  'Hello',
  '好',
  '😀',
  '{"x": 1}',
  '(think)',
  'im_end',
  '\ua000',
  'ꀁ',
  'nobody',
  '| >',
  '= < a',
]

/** Texts of which control tokens could come, alone or at their borders. */
function hostile(spellings: readonly string[]) {
  const halves = spellings.flatMap((text) => [text.slice(0, 4), text.slice(4), text.slice(1, -1), text.toUpperCase()])
  return fc
    .array(fc.constantFrom(...spellings, ...halves, '<', '>', '|', ' ', '\n', 'a', '好', '\ua000', '"'), {
      maxLength: 6,
    })
    .map((all) => all.join(''))
}

/** A chat with these texts in every field. */
function chat(text: fc.Arbitrary<string>) {
  const content = fc.oneof(
    text,
    fc.array(fc.record({ type: fc.constant('text'), text }), { minLength: 1, maxLength: 3 }),
  )
  const value = fc.oneof(
    text,
    fc.integer(),
    fc.array(text, { maxLength: 2 }),
    fc.dictionary(text, text, { maxKeys: 2 }),
  )
  const record = fc.dictionary(text, value, { maxKeys: 3 })
  const call = fc.record({
    id: text,
    function: fc.record({
      name: text,
      arguments: fc.oneof(
        record,
        record.map((all) => JSON.stringify(all)),
        text,
      ),
    }),
  })
  const message = fc.oneof(
    fc.record({ role: fc.constantFrom('system' as const, 'user' as const), content, name: text, extra: value }),
    fc.record({ role: fc.constant('tool' as const), content, tool_call_id: text }),
    fc.record({
      role: fc.constant('assistant' as const),
      // Else it would be taken apart, as in messages.test.ts.
      content: text.map((all) => `>${all}`),
      reasoning_content: fc.option(text),
      tool_calls: fc.array(call, { maxLength: 2 }),
    }),
  )
  const tool = fc
    .record({ name: text, description: text, parameters: record, key: text })
    .map(({ key, ...fields }) => ({ type: 'function', function: { ...fields, [key]: key } }))
  return fc.record({
    messages: fc.array(message, { minLength: 1, maxLength: 4 }) as fc.Arbitrary<ChatMessage[]>,
    tools: fc.option(fc.array(tool, { minLength: 1, maxLength: 2 }), { nil: undefined }),
  })
}

/** The chat with '(' for '<': no control token is left, and the template does the same. */
function tamed<T>(value: T): T {
  if (typeof value === 'string')
    return value.replaceAll('<', '(').replaceAll('>', ')').replaceAll(/think/gi, 'tnihk') as T
  if (Array.isArray(value)) return value.map(tamed) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [tamed(key), tamed(item)])) as T
}

function controlIds({ tokenizer }: Model, ids: readonly number[]): number[] {
  const added = new Set(tokenizer.addedTexts.map((text) => tokenizer.addedToken(text)))
  return ids.filter((id) => added.has(id))
}

/** The text of ids with that of special tokens. */
function written({ tokenizer }: Model, ids: readonly number[]): string {
  const added = new Map(tokenizer.addedTexts.map((text) => [tokenizer.addedToken(text), text]))
  let text = ''
  let plain: number[] = []
  for (const id of ids) {
    if (!added.has(id)) {
      plain.push(id)
      continue
    }
    text += decode(tokenizer, plain) + added.get(id)
    plain = []
  }
  return text + decode(tokenizer, plain)
}

describe.each(Object.keys(models))('%s', (name) => {
  test.skipIf(name.startsWith('SmolLM2') && !smolLm2)(
    'has the control tokens that the template wrote, and no more',
    async () => {
      const of = models[name]()
      const runs = name === 'Nanbeige' || name === 'SmolLM2 in its own template' ? 1000 : 300
      await fc.assert(
        fc.asyncProperty(chat(hostile(of.tokenizer.addedTexts)), async (request) => {
          const prompt = await encodePrompt(of, request)
          const text = of.template.render(request.messages, { ...request, addGenerationPrompt: true })
          expect(controlIds(of, prompt.ids)).toEqual(controlIds(of, (await encodePrompt(of, tamed(request))).ids))
          expect(written(of, prompt.ids)).toBe(text)
          // As text it can be told where nothing changes by that.
          const read = of.tokenizer.encode(text)
          expect(prompt.text).toBe(
            read.length === prompt.ids.length && read.every((id, at) => id === prompt.ids[at]) ? text : undefined,
          )
        }),
        { seed: 13, numRuns: runs },
      )
    },
  )

  test.skipIf(name.startsWith('SmolLM2') && !smolLm2)(
    'has the ids of its text where nothing is written like a control token',
    async () => {
      const of = models[name]()
      const text = fc.array(fc.constantFrom(...PLAIN), { maxLength: 6 }).map((parts) => parts.join(''))
      await fc.assert(
        fc.asyncProperty(chat(text), async (request) => {
          const text = of.template.render(request.messages, { ...request, addGenerationPrompt: true })
          expect(await encodePrompt(of, request)).toEqual({ text, ids: of.tokenizer.encode(text) })
        }),
        { seed: 14, numRuns: 200 },
      )
    },
  )
})

describe('a prompt that no context holds', () => {
  const of = model(new ByteTokenizer(), family('chatml'))
  const request = { messages: [{ role: 'user' as const, content: 'x'.repeat(10_000) }] }

  test('is refused by the code that clients look for, with as many tokens as there may be', async () => {
    const refused = prompt.encodePrompt(of, request, 5000, new AbortController().signal)
    await expect(refused).rejects.toMatchObject({ code: 'context_length_exceeded', param: 'messages' })
    await expect(refused).rejects.toThrow('maximum context length is 5000 tokens')
  })

  test('is not read on when its client is gone', async () => {
    const refused = prompt.encodePrompt(of, request, 50_000, AbortSignal.abort(new Error('gone')))
    await expect(refused).rejects.toThrow('gone')
  })
})
