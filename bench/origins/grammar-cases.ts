import type { ChatRequest } from '../../src/chat/complete.ts'
import { constraintGrammar } from '../../src/grammar/answer-ebnf.ts'
import { callableTool, callGrammar } from '../../src/grammar/tool-calls.ts'

const person = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 16 },
    age: { type: 'integer', minimum: 0, maximum: 120 },
    tags: { type: 'array', items: { enum: ['kind', 'tall', 'old', 'bald'] }, maxItems: 4 },
  },
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
}
const place = {
  type: 'object',
  properties: {
    city: { type: 'string', minLength: 2, maxLength: 10 },
    position: {
      type: 'object',
      properties: { north: { type: 'boolean' }, degrees: { type: 'integer', minimum: 0, maximum: 90 } },
      required: ['north', 'degrees'],
      additionalProperties: false,
    },
    founded: { type: ['integer', 'null'], minimum: 1, maximum: 2100 },
    motto: { type: 'string', pattern: '^[a-zäöü é]{3,12}$' },
  },
  required: ['city', 'position', 'founded', 'motto'],
  additionalProperties: false,
}
const list = {
  type: 'array',
  items: {
    anyOf: [
      { type: 'object', properties: { kind: { const: 'word' }, text: { type: 'string', maxLength: 12 } } },
      {
        type: 'object',
        properties: { kind: { const: 'number' }, value: { type: 'integer', minimum: -99, maximum: 99 } },
      },
    ].map((one) => ({ ...one, required: Object.keys(one.properties), additionalProperties: false })),
  },
  minItems: 2,
  maxItems: 5,
}

const search = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    north: { type: 'boolean' },
    degrees: { type: 'integer', minimum: 0, maximum: 90 },
  },
  required: ['city', 'degrees'],
  additionalProperties: false,
}
const save = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 8 },
    ages: { type: 'array', items: { type: 'integer' }, maxItems: 3 },
  },
  required: ['name', 'ages'],
  additionalProperties: false,
}

const tool = (name: string, parameters: object) => ({ type: 'function', function: { name, parameters, strict: true } })
const tools = [tool('find_place', search), tool('save_person', save)]

export interface GrammarCase {
  readonly name: string
  readonly question: string
  readonly request: Pick<ChatRequest, 'constraint' | 'tools' | 'toolChoice' | 'parallelToolCalls'>
  /** All of its grammar. */
  readonly ebnf: string
  /** Of the content, or of the arguments of a tool's calls by its name. */
  readonly schema?: object
  readonly parameters?: Readonly<Record<string, object>>
}

function answer(name: string, question: string, schema: object): GrammarCase {
  const constraint = { kind: 'schema', schema, strict: true } as const
  return { name, question, schema, request: { constraint }, ebnf: constraintGrammar(constraint).ebnf }
}

function call(name: string, callable: readonly object[], request: GrammarCase['request']): GrammarCase {
  const offered = callable.map((tool, index) => callableTool(tool, index)!)
  return {
    name,
    question: 'Where is Lima? Then save Ada, who is 36.',
    request: { tools, ...request },
    ebnf: callGrammar(offered, true).ebnf,
    parameters: { find_place: search, save_person: save },
  }
}

export const GRAMMAR_CASES: readonly GrammarCase[] = [
  answer('a flat object', 'Tell me about Ada, as JSON.', person),
  answer('an object in an object', 'Tell me about Lima, as JSON.', place),
  answer('a list of alternatives', 'Give me some words and numbers, as JSON.', list),
  call('a required call', tools, { toolChoice: 'required', parallelToolCalls: false }),
  call('a named call', tools.slice(0, 1), {
    toolChoice: { names: ['find_place'], required: true },
    parallelToolCalls: false,
  }),
  call('calls beside each other', tools, { toolChoice: 'required', parallelToolCalls: true }),
]
