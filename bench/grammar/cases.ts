import { readFileSync } from 'node:fs'
import { constraintGrammar } from '../../src/grammar/answer-ebnf.ts'
import { GrammarError } from '../../src/grammar/grammar-error.ts'

/** What an answer is held to, and what is asked for it. */
export interface GrammarCase {
  readonly name: string
  readonly schema: object
  /** undefined: the schema is of the answer itself. */
  readonly tool?: { readonly type: 'function'; readonly function: object }
}

interface SuiteCase {
  readonly description: string
  readonly schema: object | boolean
}

/** Files of the suite whose first schemas say nothing that could be broken, or nothing alone. */
const LEFT_OUT = ['anchor', 'boolean_schema', 'content', 'default', 'defs', 'format', 'infinite-loop-detection']
const FROM_SUITE = 24

/** Schemas of the public JSON Schema Test Suite, the first of each file that is held, and tools as people write them. */
export function grammarCases(): GrammarCase[] {
  const path = new URL('../../test/fixtures/json-schema-suite.json', import.meta.url)
  const suite = JSON.parse(readFileSync(path, 'utf8')) as Record<string, readonly SuiteCase[]>
  const fromSuite = Object.entries(suite).flatMap(([file, cases]): GrammarCase[] => {
    const held = LEFT_OUT.includes(file)
      ? undefined
      : cases.find(({ schema }) => typeof schema === 'object' && isHeld(schema))
    return held ? [{ name: `${file}: ${held.description}`, schema: held.schema as object }] : []
  })
  return [...fromSuite.slice(0, FROM_SUITE), ...TOOLS]
}

function isHeld(schema: object | boolean): boolean {
  try {
    constraintGrammar({ kind: 'schema', schema, strict: true }).ebnf
    return true
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error
    return false
  }
}

function tool(name: string, description: string, properties: object, required: readonly string[]): GrammarCase {
  const schema = { type: 'object', properties, required, additionalProperties: false }
  return { name, schema, tool: { type: 'function', function: { name, description, parameters: schema } } }
}

const TOOLS = [
  tool(
    'get_weather',
    'The weather of a city',
    {
      city: { type: 'string' },
      unit: { enum: ['celsius', 'fahrenheit'] },
      days: { type: 'integer', minimum: 1, maximum: 14 },
    },
    ['city', 'unit'],
  ),
  tool(
    'create_event',
    'Puts an event into the calendar',
    {
      title: { type: 'string', minLength: 1, maxLength: 40 },
      start: { type: 'string', format: 'date-time' },
      minutes: { type: 'integer', multipleOf: 15, minimum: 15, maximum: 480 },
      attendees: { type: 'array', items: { type: 'string', format: 'email' }, maxItems: 3 },
    },
    ['title', 'start', 'minutes'],
  ),
  tool(
    'transfer',
    'Transfers money',
    {
      iban: { type: 'string', pattern: '^[A-Z]{2}\\d{2}(?: \\d{4}){4}$' },
      amount: { type: 'number', exclusiveMinimum: 0, maximum: 9999.99 },
      currency: { enum: ['EUR', 'USD', 'CHF'] },
    },
    ['iban', 'amount', 'currency'],
  ),
  tool(
    'search',
    'Searches the web',
    {
      query: { type: 'string' },
      limit: { type: 'integer', minimum: 1, maximum: 50 },
      sites: { type: 'array', items: { enum: ['news', 'wiki', 'forum', 'shop'] }, uniqueItems: true },
    },
    ['query'],
  ),
  tool(
    'draw',
    'Draws a shape',
    {
      shape: {
        oneOf: [
          {
            type: 'object',
            properties: { kind: { const: 'circle' }, radius: { type: 'number', minimum: 0 } },
            required: ['kind', 'radius'],
          },
          {
            type: 'object',
            properties: { kind: { const: 'square' }, side: { type: 'number', minimum: 0 } },
            required: ['kind', 'side'],
          },
        ],
      },
      color: { type: 'string', pattern: '^#[0-9a-f]{6}$' },
    },
    ['shape'],
  ),
  tool(
    'add_nodes',
    'Adds nodes to a tree',
    {
      id: { type: 'string', format: 'uuid' },
      path: { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1, maxItems: 4 },
    },
    ['id', 'path'],
  ),
]
