import { describe, expect, test } from 'vitest'
import { ByteTokenizer, EOS_ID } from '../../../test/support/fake-model.ts'
import { grammarsFor } from '../../../test/support/grammars.ts'
import { validatorOf } from '../../../test/support/schema-validator.ts'
import { writtenAtRandom } from '../../../test/support/written.ts'
import { createRandom } from '../../generate/random.ts'
import { constraintGrammar } from '../answer-ebnf.ts'

const grammars = grammarsFor(new ByteTokenizer(), [EOS_ID])
const RUNS = 40

const TREE = {
  $defs: { node: { properties: { value: { type: 'integer' }, next: { $ref: '#/$defs/node' } }, required: ['value'] } },
  $ref: '#/$defs/node',
}

/** Each is held, and all that is written is valid. */
const SCHEMAS: Record<string, object> = {
  'any value': {},
  'any object': { type: 'object' },
  'types without a type': { properties: { a: { minimum: 3 } } },
  'several types': { type: ['integer', 'null', 'string', 'boolean', 'array'] },
  'integers between': { type: 'integer', minimum: -17, maximum: 1234 },
  'integers above': { type: 'integer', exclusiveMinimum: 99 },
  'integers below': { type: 'integer', exclusiveMaximum: -5 },
  'numbers between': { type: 'number', minimum: -1.25, maximum: 20.5 },
  'numbers in a gap': { type: 'number', exclusiveMinimum: 0.1, exclusiveMaximum: 0.2 },
  'numbers above zero': { type: 'number', exclusiveMinimum: 0 },
  'numbers below': { type: 'number', exclusiveMaximum: 3 },
  'numbers below zero': { type: 'number', maximum: -0.5 },
  'number of one': { type: 'number', minimum: 2.5, maximum: 2.5 },
  multiples: { type: 'integer', multipleOf: 7 },
  'multiples above zero': { type: 'number', multipleOf: 60, exclusiveMinimum: 0 },
  'multiples between': { type: 'integer', multipleOf: 5, minimum: -12, maximum: 33 },
  lengths: { type: 'string', minLength: 2, maxLength: 5 },
  'length at least': { type: 'string', minLength: 3 },
  'long lengths': { type: 'string', minLength: 30, maxLength: 60 },
  'lengths in members': {
    properties: {
      a: { type: 'string', maxLength: 7 },
      b: { type: 'array', items: { type: 'string', minLength: 5, maxLength: 9 }, minItems: 1, maxItems: 100 },
      c: { type: 'string', minLength: 10 },
    },
    required: ['a', 'b'],
    additionalProperties: { type: 'string', maxLength: 5 },
  },
  'one of several lengths': {
    anyOf: [
      { properties: { a: { type: 'string', maxLength: 6 }, x: { type: 'integer' } }, required: ['a', 'x'] },
      { properties: { a: { type: 'string', minLength: 9, maxLength: 12 }, y: { type: 'null' } }, required: ['a', 'y'] },
      { properties: { a: { pattern: '^[a-z]+$', type: 'string' }, z: { type: 'null' } }, required: ['a', 'z'] },
    ],
  },
  'names of bounded length': {
    propertyNames: { maxLength: 8 },
    additionalProperties: { type: 'string', maxLength: 8 },
  },
  patterns: { type: 'string', pattern: '^[A-Z]{2}-\\d+$' },
  'patterns to its end': { type: 'string', pattern: '^a"\\\\b' },
  'patterns of all kinds': { type: 'string', pattern: '^(?:\\w+\\s?|[^a-z"]|\\p{Lu}\\x41|é|.)+?$' },
  'patterns or': { type: 'string', pattern: '^a|^b$|^(?:c|d$)' },
  dates: { type: 'string', format: 'date' },
  times: { type: 'string', format: 'time' },
  'dates with times': { type: 'string', format: 'date-time' },
  durations: { type: 'string', format: 'duration' },
  uuids: { type: 'string', format: 'uuid' },
  emails: { type: 'string', format: 'email' },
  hostnames: { type: 'string', format: 'hostname' },
  ipv4: { type: 'string', format: 'ipv4' },
  ipv6: { type: 'string', format: 'ipv6' },
  uris: { type: 'string', format: 'uri' },
  'listed values': { enum: [1, 'two', null, { a: [1, 2] }, 'é"\\'] },
  'listed values of a type': { type: 'string', enum: ['a', 1, 'bcd'], maxLength: 2 },
  'optional members': {
    properties: { a: { type: 'integer' }, b: { type: 'null' }, c: { type: 'boolean' } },
    required: ['b'],
    additionalProperties: false,
  },
  'other members': {
    properties: { a: { type: 'null' }, ab: { type: 'null' } },
    additionalProperties: { type: 'integer' },
  },
  'required but not named': {
    properties: { a: { type: 'null' } },
    required: ['z'],
    additionalProperties: { type: 'integer' },
  },
  'members by pattern': { patternProperties: { '^x_\\d+$': { type: 'boolean' } }, additionalProperties: false },
  'names of members': { propertyNames: { pattern: '^[ab]+$' }, additionalProperties: { type: 'integer' } },
  'names of members listed': { propertyNames: { enum: ['a', 'b'] }, additionalProperties: { type: 'integer' } },
  'counts of members': {
    properties: { a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' }, d: { type: 'null' } },
    minProperties: 2,
    maxProperties: 3,
  },
  'counts of any members': { additionalProperties: true, minProperties: 1, maxProperties: 2 },
  tuples: {
    prefixItems: [{ type: 'integer' }, { type: 'null' }],
    items: { type: 'boolean' },
    minItems: 1,
    maxItems: 4,
  },
  'tuples of draft 7': { items: { type: 'integer' }, minItems: 2 },
  'counts of items': { type: 'array', items: { enum: [1, 2] }, minItems: 1, maxItems: 3 },
  'no item': { type: 'array', maxItems: 0 },
  'unique items': { type: 'array', items: { enum: ['a', 'b', 'c', 'd'] }, uniqueItems: true, minItems: 1, maxItems: 3 },
  'contained items': { type: 'array', items: { type: 'integer' }, contains: { minimum: 5 }, minContains: 2 },
  'any of': {
    anyOf: [
      { type: 'integer', minimum: 5 },
      { type: 'string', maxLength: 2 },
    ],
  },
  'all of': {
    allOf: [
      { properties: { a: { type: 'integer', minimum: 3 } }, required: ['a'] },
      { properties: { a: { maximum: 9 }, b: { type: 'null' } }, required: ['b'] },
    ],
  },
  'any of within': {
    properties: { a: { enum: [1] } },
    anyOf: [{ required: ['a'] }, { properties: { b: { type: 'null' } } }],
  },
  'one of by a constant': {
    oneOf: [
      { properties: { kind: { const: 'a' }, x: { type: 'integer' } }, required: ['kind', 'x'] },
      { properties: { kind: { const: 'b' }, y: { type: 'null' } }, required: ['kind', 'y'] },
    ],
  },
  'one of by types': { oneOf: [{ type: 'integer' }, { type: 'null' }, { type: 'array', maxItems: 1 }] },
  'one of by what is required': {
    type: 'object',
    properties: { a: { type: 'null' }, b: { type: 'null' } },
    oneOf: [
      { required: ['a'], properties: { b: false } },
      { required: ['b'], properties: { a: false } },
    ],
  },
  'not of a type': { not: { type: ['string', 'object'] } },
  'dependent members': {
    properties: { a: { type: 'null' }, b: { type: 'null' }, c: { type: 'null' } },
    dependentRequired: { a: ['b'] },
    dependentSchemas: { b: { required: ['c'] } },
  },
  'recursive lists': TREE,
  'recursive trees': {
    $defs: {
      t: {
        type: 'object',
        properties: { items: { type: 'array', items: { $ref: '#/$defs/t' } } },
        required: ['items'],
      },
    },
    $ref: '#/$defs/t',
  },
  'names of JavaScript': {
    type: 'object',
    properties: { valueOf: { type: 'integer' }, toString: { type: 'null' }, constructor: { type: 'boolean' } },
    required: ['toString', 'constructor'],
    additionalProperties: false,
  },
}

describe('what is written at random is valid', () => {
  test.each(Object.entries(SCHEMAS))('%s', async (_, schema) => {
    const isValid = validatorOf(schema)
    for (const strict of [true, false]) {
      const grammar = await grammars.compile(constraintGrammar({ kind: 'schema', schema, strict }))
      const texts = new Set<string>()
      for (let seed = 0; seed < RUNS; seed++) {
        const text = writtenAtRandom(grammar, createRandom(seed), seed)
        if (text === undefined) continue
        texts.add(text)
        expect([text, isValid(JSON.parse(text))]).toEqual([text, true])
      }
      grammar.dispose()
      expect(texts.size).toBeGreaterThan(0)
    }
  })
})
