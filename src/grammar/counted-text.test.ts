import { describe, expect, test } from 'vitest'
import { loadEmbeddedModel } from '../../test/support/embedded-model.ts'
import { grammarsFor } from '../../test/support/grammars.ts'
import { nanbeigeTokenizer } from '../../test/support/nanbeige.ts'
import type { TokenMask } from '../generate/distribution.ts'
import { createRandom } from '../generate/random.ts'
import { has } from '../generate/token-mask.ts'
import { constraintGrammar } from './answer-ebnf.ts'
import type { GrammarSource } from './grammar-source.ts'
import { printEbnf } from './print-ebnf.ts'
import { spelledCallsGrammar } from './tool-calls.ts'

const NANBEIGE_EOS = 166101
const NANBEIGE_ROWS = 166144
const chat = await loadEmbeddedModel()
const nanbeige = nanbeigeTokenizer()
const VOCABULARIES = {
  nanbeige: {
    grammars: grammarsFor(nanbeige, [NANBEIGE_EOS], NANBEIGE_ROWS),
    tokenizer: nanbeige,
    eos: NANBEIGE_EOS,
    rows: NANBEIGE_ROWS,
  },
  smollm2: {
    grammars: chat.grammars,
    tokenizer: chat.tokenizer,
    eos: chat.eosIds[0],
    rows: chat.tokenizer.vocabSize,
  },
}
type Vocabulary = (typeof VOCABULARIES)[keyof typeof VOCABULARIES]

function sourceOf(schema: object): GrammarSource {
  return constraintGrammar({ kind: 'schema', schema, strict: true })
}

/** The first token from one on that a mask has, beginning anew behind the last; undefined: none that fits. */
function tokenFrom(mask: TokenMask, from: number, rows: number, fits: (id: number) => boolean): number | undefined {
  for (let step = 0; step < rows; step++) {
    const id = (from + step) % rows
    if (has(mask, id) && fits(id)) return id
  }
  return undefined
}

/** What comes of tokens drawn at random, strings as long as they can be. */
async function written({ grammars, tokenizer, eos, rows }: Vocabulary, schema: object, seed: number): Promise<string> {
  const grammar = await grammars.compile(sourceOf(schema))
  const matcher = grammar.matcher()
  const random = createRandom(seed)
  const bytes: number[] = []
  try {
    for (;;) {
      const mask = matcher.allowed()
      const from = Math.floor(random() * rows)
      const isLonger = (id: number) => id !== eos && !tokenizer.bytes(id).includes(0x22)
      const id = tokenFrom(mask, from, rows, isLonger) ?? tokenFrom(mask, from, rows, () => true)
      if (id === eos) return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))
      expect(matcher.accept(id!)).toBe(true)
      bytes.push(...tokenizer.bytes(id!))
    }
  } finally {
    matcher.dispose()
    grammar.dispose()
  }
}

describe.each(Object.entries(VOCABULARIES))('lengths of usual sizes with the vocabulary of %s', (_, vocabulary) => {
  test.each([100, 256, 500, 1000, 4096])('maxLength %i is filled and kept, as minLength is', async (length) => {
    const schema = { type: 'string', minLength: length - 1, maxLength: length }
    const text = JSON.parse(await written(vocabulary, schema, length))
    expect(length - Array.from(text).length).toBeOneOf([0, 1])
  })

  test.each([100, 256, 500, 1000, 4096])('maxItems %i', async (maxItems) => {
    const { grammars } = vocabulary
    for (const items of [{ type: 'string', maxLength: maxItems }, { enum: ['a', 1] }, { type: 'object' }]) {
      const grammar = await grammars.compile(sourceOf({ type: 'array', items, maxItems }))
      const matcher = grammar.matcher()
      const item = items.type === 'object' ? '{}' : '"a"'
      for (let count = 0; count < maxItems; count++) {
        expect([count, matcher.acceptText(`${count === 0 ? '[' : ','}${item}`)]).toEqual([count, true])
      }
      expect(matcher.acceptText(',')).toBe(false)
      matcher.dispose()
      grammar.dispose()
    }
  })

  test('twenty fields of 255 characters', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `field_${index}`)
    const properties = Object.fromEntries(names.map((name) => [name, { type: 'string', minLength: 1, maxLength: 255 }]))
    const grammar = await vocabulary.grammars.compile(sourceOf({ type: 'object', properties }))
    grammar.dispose()
  })
})

/** As XGrammar says it with a state for each character. */
const SCHEMAS: Record<string, object> = {
  'a length': { type: 'string', minLength: 5, maxLength: 12 },
  'members with lengths': {
    properties: { a: { type: 'string', maxLength: 6 }, b: { type: 'string', minLength: 1, maxLength: 7 } },
    required: ['a', 'b'],
  },
  'lengths that tell alternatives apart': {
    anyOf: [
      { properties: { a: { type: 'string', maxLength: 6 }, x: { type: 'null' } }, required: ['a', 'x'] },
      { properties: { a: { type: 'string', minLength: 9, maxLength: 11 }, y: { type: 'null' } }, required: ['a', 'y'] },
    ],
  },
  'lists that are long': { type: 'array', items: { enum: [1, 'a'] }, minItems: 66, maxItems: 70 },
  'lists that tell alternatives apart': {
    anyOf: [
      { type: 'array', items: { type: 'boolean' }, maxItems: 66 },
      { type: 'array', items: { enum: [true, 12] }, minItems: 68, maxItems: 69 },
    ],
  },
  lists: { type: 'array', items: { type: 'string', minLength: 5, maxLength: 6 }, minItems: 1, maxItems: 3 },
}

test.each(Object.entries(SCHEMAS))('%s: masks are those of a grammar that counts', async (name, schema) => {
  const { grammars, tokenizer, rows, eos } = VOCABULARIES.smollm2
  const source = sourceOf(schema)
  expect(source.counts).toBeDefined()
  const held = await grammars.compile(source)
  const counting = await grammars.compile({ ebnf: printEbnf(source.expression!)! })
  const steps = name.includes('lists that') ? 250 : 40
  for (let seed = 0; seed < (steps > 40 ? 4 : 12); seed++) {
    const random = createRandom(seed)
    const [one, other] = [held.matcher(), counting.matcher()]
    const bytes: number[] = []
    for (let step = 0; step < steps; step++) {
      const mask = one.allowed()
      expect([Buffer.from(bytes).toString(), mask]).toEqual([Buffer.from(bytes).toString(), other.allowed()])
      // Some short tokens, which stand first, and some of any length.
      const from = Math.floor(random() ** (1 + 3 * (seed % 3)) * rows)
      const id = tokenFrom(mask, from, rows, () => true)!
      if (id === eos) break
      expect([one.accept(id), other.accept(id)]).toEqual([true, true])
      bytes.push(...tokenizer.bytes(id))
    }
    one.dispose()
    other.dispose()
  }
  held.dispose()
  counting.dispose()
})

test('lengths are held in calls within any text', async () => {
  const parameters = {
    type: 'object',
    properties: { a: { type: 'string', minLength: 2, maxLength: 20 } },
    required: ['a'],
  }
  const tools = [{ name: 'f', parameters, isStrict: true, param: 'tools.0.function.parameters' }]
  const grammar = await chat.grammars.compile(spelledCallsGrammar(tools, false, true))
  const call = (length: number) => `<tool_call>{"name":"f","arguments":{"a":"${'é'.repeat(length)}"}}</tool_call>`
  const takes = (text: string) => {
    const matcher = grammar.matcher()
    const isTaken = chat.tokenizer.encode(text).every((id) => has(matcher.allowed(), id) && matcher.accept(id))
    matcher.dispose()
    return isTaken
  }
  for (const length of [2, 20])
    expect(takes(`So <tool <<tool_call>x${call(length)}`.replace('<tool_call>x', ''))).toBe(true)
  expect(takes(`"${'long'.repeat(9)}" ${call(3)} and ${call(7)}"`)).toBe(true)
  for (const length of [1, 21, 40]) {
    expect(takes(call(length))).toBe(false)
    expect(takes(`So ${call(5)}, ${call(length)}`)).toBe(false)
  }
  grammar.dispose()
})

test('a pattern that takes too long to compile is named', async () => {
  const schema = { properties: { a: { type: 'string', maxLength: 9 }, b: { type: 'string', pattern: '^[^x]{1,90}$' } } }
  await expect(VOCABULARIES.nanbeige.grammars.compile(sourceOf(schema))).rejects.toMatchObject({
    code: 'grammar_too_large',
    path: '/properties/b',
    message: expect.stringContaining("'pattern' at /properties/b"),
  })
})
