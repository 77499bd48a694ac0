import { type Expression, sequence, text } from '../expression.ts'
import { GrammarError } from '../grammar-error.ts'
import { boundedString, inString, STRING } from '../json/strings.ts'
import { regexExpression } from '../regex.ts'
import { formatPattern } from './formats.ts'
import { countOf, type LocatedObject, unsupported } from './keywords.ts'

/** Strings that all these schemas accept. Throws GrammarError. */
export function strings(schemas: readonly LocatedObject[]): Expression {
  const least = Math.max(...schemas.map((schema) => countOf(schema, 'minLength') ?? 0))
  const most = Math.min(...schemas.map((schema) => countOf(schema, 'maxLength') ?? Infinity))
  const patterns = new Map(schemas.flatMap(patternsOf))
  const [pattern, path] = [...patterns][0] ?? []
  if (pattern === undefined || path === undefined)
    return least === 0 && most === Infinity ? STRING : boundedString(least, most)
  if (patterns.size > 1) throw unsupported('pattern', path, 'one string has to match several')
  const bounded = ['minLength', 'maxLength'].find((keyword) =>
    schemas.some(({ schema }) => Object.hasOwn(schema, keyword)),
  )
  if (bounded && (least > 0 || most < Infinity))
    throw unsupported(bounded, path, 'it stands beside a pattern or a format')
  return patternString(pattern, path)
}

function patternsOf({ schema, path }: LocatedObject): [string, string][] {
  const patterns: [string, string][] = []
  if (typeof schema.pattern === 'string') patterns.push([schema.pattern, path])
  if (typeof schema.format === 'string') {
    const pattern = formatPattern(schema.format)
    if (pattern === undefined) throw unsupported('format', path, `'${schema.format}' is not known`)
    patterns.push([pattern, path])
  }
  return patterns
}

/** A string in which a pattern is found. Throws GrammarError. */
export function patternString(pattern: string, path: string): Expression {
  try {
    return sequence(text('"'), regexExpression(pattern, { spell: inString, isWhole: false }), text('"'))
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error
    throw unsupported('pattern', path, error.message.replace(/\.$/, ''))
  }
}
