import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ByteTokenizer, EOS_ID } from '../../../test/support/fake-model.ts'
import { grammarsFor } from '../../../test/support/grammars.ts'
import { has } from '../../generate/token-mask.ts'
import { GrammarError } from '../grammar-error.ts'
import { printEbnf } from '../print-ebnf.ts'
import { schemaExpression } from './schema-grammar.ts'

interface Case {
  readonly description: string
  readonly schema: unknown
  readonly tests: readonly { readonly description: string; readonly data: unknown; readonly valid: boolean }[]
}

const suite = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/json-schema-suite.json', import.meta.url), 'utf8'),
) as Record<string, readonly Case[]>
const grammars = grammarsFor(new ByteTokenizer(), [EOS_ID])

async function accepts(ebnf: string | undefined, text: string): Promise<boolean> {
  if (ebnf === undefined) return false
  const grammar = await grammars.compile({ ebnf })
  const matcher = grammar.matcher()
  const accepted = matcher.acceptText(text) && has(matcher.allowed(), EOS_ID)
  matcher.dispose()
  grammar.dispose()
  return accepted
}

/** undefined: refused. */
function ebnfOf(schema: unknown): { readonly ebnf: string | undefined } | undefined {
  try {
    return { ebnf: printEbnf(schemaExpression(schema, false)) }
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error
    expect(error.message).toMatch(/'[\w$]+'/)
    return undefined
  }
}

describe('the public JSON Schema Test Suite', () => {
  test.each(Object.keys(suite))('%s: nothing that is not valid is written', async (name) => {
    for (const { description, schema, tests } of suite[name]) {
      // The suite's own default: a format says nothing. Grammars are stricter.
      const held = ebnfOf(schema)
      if (!held) continue
      for (const { data, valid } of tests) {
        if (valid) continue
        const text = JSON.stringify(data)
        expect([description, text, await accepts(held.ebnf, text)]).toEqual([description, text, false])
      }
    }
  })

  /** Of the valid instances of the schemas that are held: members in another order, and members and types that nobody asked for, are not written. */
  test('most of what is valid is written, and most schemas are held', async () => {
    const counts = { schemas: 0, held: 0, valid: 0, written: 0 }
    for (const [name, cases] of Object.entries(suite)) {
      if (name === 'format') continue
      for (const { schema, tests } of cases) {
        counts.schemas++
        const held = ebnfOf(schema)
        if (!held) continue
        counts.held++
        for (const { data, valid } of tests) {
          if (!valid) continue
          counts.valid++
          if (await accepts(held.ebnf, JSON.stringify(data))) counts.written++
        }
      }
    }
    expect(counts).toEqual({ schemas: 326, held: 220, valid: 424, written: 336 })
  })
})
