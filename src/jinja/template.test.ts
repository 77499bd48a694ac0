import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { JinjaTemplate } from './template.ts'

const read = (name: string) => readFileSync(`test/fixtures/chat-templates/${name}`, 'utf8')
const expressions: Record<string, string | null> = JSON.parse(read('expressions.json'))
const SCOPE = {
  messages: [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Yo' },
  ],
  tools: null,
  documents: null,
  add_generation_prompt: true,
  bos_token: '<s>',
  eos_token: '</s>',
}

/** null where the template refuses. */
function rendered(source: string): string | null {
  try {
    return new JinjaTemplate(source).render(SCOPE)
  } catch {
    return null
  }
}

// The hour of test/reference/chat_templates.py.
beforeAll(() => void vi.useFakeTimers({ now: new Date(2026, 0, 2, 3, 4, 5), toFake: ['Date'] }))
afterAll(() => void vi.useRealTimers())

/** What the library's parser reads otherwise: exponents, large literals, a tuple of one, `~` before `+`, and half a comprehension. */
const PARSER = new Set(
  ['1e3', '1e-07 * 1', '9007199254740993 + 1', '(1,)', '2 + 3 ~ 4', '[x for]'].map((source) => `{{ ${source} }}`),
)

describe('renders as Python’s jinja2', () => {
  test.each(Object.entries(expressions).filter(([source]) => !PARSER.has(source)))('%s', (source, expected) => {
    expect(rendered(source)).toBe(expected)
  })
})

test.each([
  '{% for i in range(3000) %}{% for j in range(3000) %}{{ i }}{% endfor %}{% endfor %}',
  "{% set ns = namespace(s='x') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
  "{% set s = 'x' * 4000000 %}{% for i in range(99) %}{{ s.upper() }}{% endfor %}",
  '{{ range(10 ** 9) }}',
  "{{ 'x' * 10 ** 9 }}",
  '{{ [0] * 10 ** 9 }}',
  '{{ 9 ** 9999999 }}',
  "{{ 'a'|center(10 ** 9)|length }}",
  '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
])('has no more than its budget for %s', (source) => {
  expect(() => new JinjaTemplate(source).render({})).toThrow()
})
