import {
  declaredTypes,
  intersectTypes,
  invalid,
  type Located,
  type LocatedObject,
  numberOf,
  type Type,
  typeOf,
  unsupported,
} from './keywords.ts'

/** The values that `enum` and `const` leave, all schemas taken together; undefined where there is neither. Throws GrammarError. */
export function enumeratedValues(schemas: readonly LocatedObject[]): unknown[] | undefined {
  let values: Map<string, unknown> | undefined
  for (const { schema, path } of schemas) {
    for (const keyword of ['enum', 'const']) {
      if (!Object.hasOwn(schema, keyword)) continue
      const listed = keyword === 'enum' ? schema.enum : [schema.const]
      if (!Array.isArray(listed)) throw invalid("'enum' has to be a list", path)
      const named = new Map(listed.map((value) => [canonical(value), value]))
      values = values ? new Map([...values].filter(([key]) => named.has(key))) : named
    }
  }
  return values && [...values.values()].filter((value) => schemas.every((schema) => accepts(schema, value)))
}

/** All values that are valid, where they can be listed. */
export function finiteValues(alternatives: readonly (readonly LocatedObject[])[]): unknown[] | undefined {
  const all = new Map<string, unknown>()
  for (const schemas of alternatives) {
    const values = enumeratedValues(schemas) ?? valuesOfTypes(schemas)
    if (!values) return undefined
    for (const value of values) all.set(canonical(value), value)
  }
  return [...all.values()]
}

function valuesOfTypes(schemas: readonly LocatedObject[]): unknown[] | undefined {
  const declared = schemas.map(declaredTypes).filter((types) => types !== undefined)
  if (declared.length === 0) return undefined
  const types = declared.reduce<ReadonlySet<Type>>(intersectTypes, declared[0])
  const values: unknown[] = []
  for (const type of types) {
    if (type === 'boolean') values.push(true, false)
    else if (type === 'null') values.push(null)
    else return undefined
  }
  return values
}

/** Equal for equal values, whatever the order of their keys. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

const STRUCTURAL = ['object', 'array'] as const
const OF_STRUCTURES =
  /^(properties|patternProperties|additionalProperties|required|minProperties|maxProperties|propertyNames|unevaluated.*|items|prefixItems|additionalItems|minItems|maxItems|uniqueItems|contains|minContains)$/

/** Whether the keywords of one schema beside `enum` accept a value. Throws GrammarError for what is not looked at here. */
export function accepts(located: LocatedObject, value: unknown): boolean {
  const { schema, path } = located
  const type = typeOf(value)
  const declared = declaredTypes(located)
  if (declared && intersectTypes(new Set([type]), declared).size === 0) return false
  if (typeof value === 'string') return acceptsText(located, value)
  if (typeof value === 'number') return acceptsNumber(located, value)
  const structural =
    STRUCTURAL.includes(type as never) && Object.keys(schema).find((keyword) => OF_STRUCTURES.test(keyword))
  if (structural) throw unsupported(structural, path, 'it stands beside listed values')
  return true
}

function acceptsText(located: LocatedObject, value: string): boolean {
  const { schema, path } = located
  if (Object.hasOwn(schema, 'format')) throw unsupported('format', path, 'it stands beside listed values')
  const length = Array.from(value).length
  if (length < (numberOf(located, 'minLength') ?? 0) || length > (numberOf(located, 'maxLength') ?? Infinity))
    return false
  if (typeof schema.pattern !== 'string') return true
  return regexOf(schema.pattern, path).test(value)
}

/** Throws GrammarError. */
export function regexOf(pattern: string, path: string): RegExp {
  try {
    return new RegExp(pattern, 'u')
  } catch (error) {
    throw invalid((error as Error).message, path)
  }
}

function acceptsNumber(located: LocatedObject, value: number): boolean {
  if (Object.hasOwn(located.schema, 'multipleOf')) {
    throw unsupported('multipleOf', located.path, 'it stands beside listed values')
  }
  return (
    value >= (numberOf(located, 'minimum') ?? -Infinity) &&
    value <= (numberOf(located, 'maximum') ?? Infinity) &&
    value > (numberOf(located, 'exclusiveMinimum') ?? -Infinity) &&
    value < (numberOf(located, 'exclusiveMaximum') ?? Infinity)
  )
}

/** Resolves what a value of a property may be. */
export type Resolve = (schemas: readonly Located[]) => LocatedObject[][]
