import { GrammarError } from '../grammar-error.ts'

/** A JSON Schema, as plain JSON. */
export type Schema = boolean | SchemaObject
export type SchemaObject = { readonly [keyword: string]: unknown }

export type Type = 'null' | 'boolean' | 'object' | 'array' | 'number' | 'integer' | 'string'

/** A schema, and where it stands in the request's. */
export interface Located {
  readonly schema: Schema
  /** JSON pointer. */
  readonly path: string
}

export interface LocatedObject extends Located {
  readonly schema: SchemaObject
}

export const TYPES: readonly Type[] = ['null', 'boolean', 'object', 'array', 'number', 'string']

/** The keywords that say something about values of one type only. */
const KEYWORDS_OF: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  array: [
    'items',
    'prefixItems',
    'additionalItems',
    'minItems',
    'maxItems',
    'uniqueItems',
    'contains',
    'minContains',
    'unevaluatedItems',
  ],
  object: [
    'properties',
    'patternProperties',
    'additionalProperties',
    'required',
    'minProperties',
    'maxProperties',
    'propertyNames',
    'unevaluatedProperties',
  ],
}

/** Keywords that a grammar cannot hold, or not exactly. */
const UNSUPPORTED = [
  'if',
  'then',
  'else',
  'maxContains',
  '$dynamicRef',
  '$recursiveRef',
  // Of draft 3.
  'extends',
  'disallow',
]

/** Throws GrammarError where a schema has a keyword that cannot be held. Unknown ones are annotations, as the specification has it. */
export function checkKeywords({ schema, path }: LocatedObject): void {
  for (const keyword of UNSUPPORTED) if (Object.hasOwn(schema, keyword)) throw unsupported(keyword, path)
  if (path !== '' && typeof schema.$id === 'string') throw unsupported('$id', path)
}

export function unsupported(keyword: string, path: string, why = ''): GrammarError {
  return new GrammarError(
    'unsupported_schema',
    `The keyword '${keyword}' ${path === '' ? 'at the root of the schema' : `at ${path}`} cannot be held in a grammar${why && `: ${why}`}.`,
    path,
  )
}

export function invalid(what: string, path: string): GrammarError {
  return new GrammarError(
    'invalid_schema',
    `${what} ${path === '' ? 'at the root of the schema' : `at ${path}`}.`,
    path,
  )
}

/** The types of values that a schema says something about; undefined: of none in particular. */
export function typesMeant(schemas: readonly LocatedObject[]): Set<Type> | undefined {
  const types = Object.entries(KEYWORDS_OF).filter(([, keywords]) =>
    keywords.some((keyword) => schemas.some(({ schema }) => Object.hasOwn(schema, keyword))),
  )
  return types.length === 0 ? undefined : new Set(types.map(([type]) => type as Type))
}

/** What `type` says. Throws GrammarError. */
export function declaredTypes({ schema, path }: LocatedObject): Set<Type> | undefined {
  const { type } = schema
  if (type === undefined) return undefined
  const types = Array.isArray(type) ? type : [type]
  for (const name of types) {
    if (name !== 'integer' && !TYPES.includes(name)) throw invalid(`${JSON.stringify(name)} is no type`, `${path}/type`)
  }
  return new Set(types)
}

export function intersectTypes(a: ReadonlySet<Type>, b: ReadonlySet<Type>): Set<Type> {
  const both = new Set<Type>()
  for (const type of a) {
    if (b.has(type)) both.add(type)
    else if (type === 'integer' && b.has('number')) both.add('integer')
    else if (type === 'number' && b.has('integer')) both.add('integer')
  }
  return both
}

export function typeOf(value: unknown): Type {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number'
  return typeof value as Type
}

/** A number of a keyword, where it has one. Throws GrammarError. */
export function numberOf({ schema, path }: LocatedObject, keyword: string): number | undefined {
  const value = Object.hasOwn(schema, keyword) ? schema[keyword] : undefined
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`'${keyword}' has to be a number`, path)
  return value
}

/** A count of a keyword. Throws GrammarError. */
export function countOf(located: LocatedObject, keyword: string): number | undefined {
  const value = numberOf(located, keyword)
  if (value !== undefined && (value < 0 || !Number.isInteger(value))) {
    throw invalid(`'${keyword}' has to be a whole number of at least 0`, located.path)
  }
  return value
}

/** The schemas under a keyword such as `properties`, by name. Throws GrammarError. */
export function schemasOf({ schema, path }: LocatedObject, keyword: string): Map<string, Located> {
  const value = Object.hasOwn(schema, keyword) ? schema[keyword] : {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`'${keyword}' has to be an object`, path)
  }
  return new Map(
    Object.entries(value).map(([name, inner]) => [name, located(inner, `${path}/${keyword}/${pointerPart(name)}`)]),
  )
}

/** Throws GrammarError where a value is no schema. */
export function located(value: unknown, path: string): Located {
  if (typeof value === 'boolean') return { schema: value, path }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('There is no schema', path)
  return { schema: value as SchemaObject, path }
}

/** https://www.rfc-editor.org/rfc/rfc6901#section-3 */
function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}
