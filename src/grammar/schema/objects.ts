import { choice, EMPTY, type Expression, NEVER, optional, repeat, rule, sequence, text } from '../expression.ts'
import { SPACE, STRING, stringBut } from '../json/strings.ts'
import { COMMA, enclosed, member, OBJECT, VALUE } from '../json/values.ts'
import { enumeratedValues, regexOf } from './enumerated.ts'
import { countOf, invalid, type Located, type LocatedObject, located, schemasOf, unsupported } from './keywords.ts'
import type { SchemaGrammar } from './schema-grammar.ts'
import { patternString } from './texts.ts'

interface Member {
  readonly expression: Expression
  readonly isRequired: boolean
}

/**
 * Objects that all these schemas accept, their members in the order of the schemas. Members that no schema names are written last, and
 * only where a schema allows them in words, or names none at all.
 */
export function objects(grammar: SchemaGrammar, schemas: readonly LocatedObject[]): Expression {
  const names = new Set<string>()
  const required = new Set<string>()
  for (const schema of schemas) {
    for (const name of schemasOf(schema, 'properties').keys()) names.add(name)
    for (const name of requiredNames(schema)) required.add(name)
  }
  const isBare = names.size === 0
  const keys = keysOf(schemas)
  for (const name of [...required, ...(keys.names ?? [])]) names.add(name)
  const members = Array.from(names, (name): Member => {
    const inner = keys.allows(name) ? valueSchemas(schemas, name) : undefined
    const value = inner && (inner.length === 0 ? VALUE : grammar.value(inner))
    return {
      expression: value ? member(text(JSON.stringify(name)), value) : NEVER,
      isRequired: required.has(name),
    }
  })
  const extra = keys.names ? undefined : extraMember(grammar, schemas, [...names], isBare, keys.schemas)
  const most = Math.min(...schemas.map((schema) => countOf(schema, 'maxProperties') ?? Infinity))
  const least = Math.max(...schemas.map((schema) => countOf(schema, 'minProperties') ?? 0))
  if (members.length === 0 && least === 0 && most === Infinity && extra === ANY_MEMBER) return OBJECT
  if (extra && least > 1 && least > required.size) {
    throw unsupported('minProperties', schemas[0].path, 'it stands beside members that the schema does not name')
  }
  return enclosed('{', membersOf(members, extra, least, most), '}')
}

const ANY_MEMBER = member(STRING, VALUE)

function requiredNames({ schema, path }: LocatedObject): readonly string[] {
  if (!Object.hasOwn(schema, 'required')) return []
  const { required } = schema
  // In draft 3 it is a boolean of the property.
  if (!Array.isArray(required) || required.some((name) => typeof name !== 'string')) {
    throw invalid("'required' has to be a list of names", path)
  }
  return required
}

/** All that has to accept the value of a property. */
function valueSchemas(schemas: readonly LocatedObject[], name: string): Located[] {
  return schemas.flatMap((schema) => {
    const own = schemasOf(schema, 'properties').get(name)
    const matching = [...schemasOf(schema, 'patternProperties')].filter(([pattern]) =>
      regexOf(pattern, schema.path).test(name),
    )
    const named = [...(own ? [own] : []), ...matching.map(([, inner]) => inner)]
    return named.length > 0 ? named : (othersOf(schema) ?? [])
  })
}

/** What a schema says of members that it does not name. */
function othersOf({ schema, path }: LocatedObject): Located | undefined {
  const keyword = ['additionalProperties', 'unevaluatedProperties'].find((name) => Object.hasOwn(schema, name))
  return keyword === undefined ? undefined : located(schema[keyword], `${path}/${keyword}`)
}

/** What `propertyNames` leaves. */
function keysOf(schemas: readonly LocatedObject[]) {
  const own = schemas.flatMap(({ schema, path }) =>
    Object.hasOwn(schema, 'propertyNames') ? [located(schema.propertyNames, `${path}/propertyNames`)] : [],
  )
  const objects = own.filter((key): key is LocatedObject => typeof key.schema !== 'boolean')
  const isNone = own.some(({ schema }) => schema === false)
  for (const { schema, path } of objects) {
    const other = Object.keys(schema).find((keyword) => COMBINED.has(keyword))
    if (other) throw unsupported('propertyNames', path, `it has '${other}'`)
  }
  const values = isNone ? [] : enumeratedValues(objects)
  const names = values?.filter((value) => typeof value === 'string')
  const allows = (name: string) =>
    enumeratedValues([...objects, { schema: { const: name }, path: schemas[0].path }])?.length === 1
  return { names, schemas: objects, allows: isNone ? () => false : objects.length === 0 ? () => true : allows }
}

const COMBINED = new Set(['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'format'])

/** A member that no schema names; undefined: there may be none. */
function extraMember(
  grammar: SchemaGrammar,
  schemas: readonly LocatedObject[],
  names: readonly string[],
  isBare: boolean,
  keys: readonly LocatedObject[],
): Expression | undefined {
  const patterned = schemas.flatMap((schema) =>
    Array.from(schemasOf(schema, 'patternProperties'), ([pattern, inner]) => ({ schema, pattern, inner })),
  )
  if (patterned.length > 0) return patternMember(grammar, schemas, names, patterned, keys)
  const others = schemas.map(othersOf).filter((other) => other !== undefined)
  if (others.some(({ schema }) => schema === false)) return undefined
  const isOpen = others.length > 0 || (isBare && !grammar.isStrict) || keys.length > 0
  if (!isOpen) return undefined
  const asked = others.filter(({ schema }) => schema !== true)
  const value = asked.length === 0 ? VALUE : grammar.value(asked)
  if (keys.length > 0) {
    if (names.length > 0) throw unsupported('propertyNames', keys[0].path, 'other members are named beside it')
    return member(grammar.value([{ schema: { type: 'string' }, path: keys[0].path }, ...keys]), value)
  }
  if (names.length === 0 && value === VALUE) return ANY_MEMBER
  return member(names.length === 0 ? STRING : stringBut(names), value)
}

function patternMember(
  grammar: SchemaGrammar,
  schemas: readonly LocatedObject[],
  names: readonly string[],
  patterned: readonly { schema: LocatedObject; pattern: string; inner: Located }[],
  keys: readonly LocatedObject[],
): Expression {
  const [{ schema, pattern, inner }, ...more] = patterned
  const refuse = (why: string) => unsupported('patternProperties', schema.path, why)
  if (more.length > 0) throw refuse('one name may match several patterns')
  if (keys.length > 0) throw refuse('it stands beside propertyNames')
  if (names.some((name) => regexOf(pattern, schema.path).test(name))) throw refuse('a name in properties matches it')
  if (schemas.some((other) => other !== schema && othersOf(other))) throw refuse('another schema bounds the same names')
  return member(patternString(pattern, schema.path), grammar.value([inner]))
}

/** All members in their order. Counts matter only as far as bounds ask for them. */
function membersOf(members: readonly Member[], extra: Expression | undefined, least: number, most: number): Expression {
  const cap = Math.max(1, least, most === Infinity ? 0 : most + 1)
  const known = new Map<string, Expression>()
  /** Members from one on, with so many before it. */
  const from = (index: number, count: number): Expression => {
    const key = `${index}/${count}`
    const before = known.get(key)
    if (before) return before
    return rule((self) => {
      known.set(key, self)
      return index < members.length ? withMember(index, count) : ending(count)
    })
  }
  const comma = (count: number) => (count > 0 ? COMMA : EMPTY)
  const withMember = (index: number, count: number): Expression => {
    const { expression, isRequired } = members[index]
    const taken = count < most ? sequence(comma(count), expression, from(index + 1, Math.min(count + 1, cap))) : NEVER
    return isRequired ? taken : choice(taken, from(index + 1, count))
  }
  const ending = (count: number): Expression => {
    const space = count > 0 ? SPACE : EMPTY
    if (!extra) return count >= least ? space : NEVER
    // Two that are spelled the same are one, so that they cannot make up a number.
    if (count < least) return least === 1 ? sequence(extra, ending(1)) : NEVER
    const room = most - count
    const more = repeat(sequence(COMMA, extra), 0, Math.max(0, count > 0 ? room : room - 1))
    if (count > 0) return sequence(more, space)
    return room > 0 ? optional(sequence(extra, more, SPACE)) : EMPTY
  }
  return from(0, 0)
}
