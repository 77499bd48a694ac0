import type { Expression } from '../expression.ts'
import { INTEGER, type Interval, integersIn, multiplesIn, NUMBER, numbersIn } from '../json/numbers.ts'
import { type LocatedObject, numberOf, unsupported } from './keywords.ts'

/** Numbers that all these schemas accept. Throws GrammarError. */
export function numbers(type: 'number' | 'integer', schemas: readonly LocatedObject[]): Expression {
  const interval = intervalOf(schemas)
  const isBounded = interval.min > -Infinity || interval.max < Infinity
  const divided = schemas.filter(({ schema }) => Object.hasOwn(schema, 'multipleOf'))
  if (divided.length > 0) {
    const of = numberOf(divided[0], 'multipleOf')!
    const isWhole = Number.isSafeInteger(of) && of > 0
    const multiples = divided.length === 1 && isWhole ? multiplesIn(of, interval) : undefined
    if (!multiples)
      throw unsupported('multipleOf', divided[0].path, 'only of a small whole number, with near bounds or none')
    return multiples
  }
  if (type === 'integer') return isBounded ? integersIn(interval) : INTEGER
  if (!isBounded) return NUMBER
  const made = numbersIn(interval)
  if (!made) throw unsupported(boundOf(schemas), schemas[0].path, 'it has too many digits')
  return made
}

const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']

function boundOf(schemas: readonly LocatedObject[]): string {
  return BOUNDS.find((keyword) => schemas.some(({ schema }) => Object.hasOwn(schema, keyword)))!
}

function intervalOf(schemas: readonly LocatedObject[]): Interval {
  const highest = (keyword: string) =>
    Math.max(...schemas.map((schema) => numberOf(exclusive(schema), keyword) ?? -Infinity))
  const lowest = (keyword: string) =>
    Math.min(...schemas.map((schema) => numberOf(exclusive(schema), keyword) ?? Infinity))
  const [min, above] = [highest('minimum'), highest('exclusiveMinimum')]
  const [max, below] = [lowest('maximum'), lowest('exclusiveMaximum')]
  return {
    min: Math.max(min, above),
    max: Math.min(max, below),
    excludesMin: above >= min && above > -Infinity,
    excludesMax: below <= max && below < Infinity,
  }
}

/** In draft 4 exclusiveMinimum is a boolean that goes with minimum. */
function exclusive({ schema, path }: LocatedObject): LocatedObject {
  const { exclusiveMinimum, exclusiveMaximum, minimum, maximum, ...rest } = schema
  return {
    path,
    schema: {
      ...rest,
      ...(exclusiveMinimum === true ? { exclusiveMinimum: minimum } : defined({ exclusiveMinimum, minimum })),
      ...(exclusiveMaximum === true ? { exclusiveMaximum: maximum } : defined({ exclusiveMaximum, maximum })),
    },
  }
}

function defined(keywords: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(keywords).filter(([, value]) => value !== undefined && value !== false))
}
