import {
  choice,
  counted,
  EMPTY,
  type Expression,
  NEVER,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from '../expression.ts'
import { SPACE } from '../json/strings.ts'
import { ARRAY, COMMA, enclosed, VALUE } from '../json/values.ts'
import { finiteValues } from './enumerated.ts'
import { countOf, invalid, type Located, type LocatedObject, located, unsupported } from './keywords.ts'
import type { SchemaGrammar } from './schema-grammar.ts'

/** Arrays that all these schemas accept. Behind items that a schema names by place there are others only where a schema says so. */
export function arrays(grammar: SchemaGrammar, schemas: readonly LocatedObject[]): Expression {
  const shapes = schemas.map(shapeOf)
  const least = Math.max(...schemas.map((schema) => countOf(schema, 'minItems') ?? 0))
  const most = Math.min(...schemas.map((schema) => countOf(schema, 'maxItems') ?? Infinity))
  const placed = Math.max(...shapes.map(({ first }) => first.length))
  const isOpen = placed === 0 || shapes.some(({ rest }) => rest && rest.schema !== false)
  const itemAt = (index: number): Expression => {
    const own = shapes.flatMap(({ first, rest }) => first[index] ?? rest ?? [])
    return own.length === 0 ? VALUE : grammar.value(own)
  }
  const rest = isOpen ? itemAt(placed) : NEVER
  const unique = schemas.find(({ schema }) => schema.uniqueItems === true)
  const contained = schemas.filter(({ schema }) => Object.hasOwn(schema, 'contains'))
  if (contained.length > 0) return containing(grammar, contained, shapes, schemas)
  if (unique && most > 1) return subsets(grammar, unique, shapes, least, most)
  if (placed === 0 && least === 0 && most === Infinity && rest === VALUE) return ARRAY
  const items = itemsFrom(
    Array.from({ length: placed }, (_, index) => itemAt(index)),
    rest,
    least,
    most,
  )
  return enclosed('[', items, ']')
}

interface Shape {
  readonly first: readonly Located[]
  readonly rest: Located | undefined
}

/** What a schema says of items by place, and of all others: since draft 2020 in prefixItems and items, before in items and additionalItems. */
function shapeOf({ schema, path }: LocatedObject): Shape {
  const has = (keyword: string) => Object.hasOwn(schema, keyword)
  const isOld = Array.isArray(schema.items)
  const placed = isOld ? 'items' : has('prefixItems') ? 'prefixItems' : undefined
  const others = [isOld ? 'additionalItems' : 'items', 'unevaluatedItems'].find(has)
  const list = placed === undefined ? [] : schema[placed]
  if (!Array.isArray(list)) throw invalid(`'${placed}' has to be a list of schemas`, path)
  return {
    first: list.map((item, index) => located(item, `${path}/${placed}/${index}`)),
    rest: others === undefined ? undefined : located(schema[others], `${path}/${others}`),
  }
}

function itemsFrom(placed: readonly Expression[], rest: Expression, least: number, most: number): Expression {
  const from = (index: number): Expression => {
    const end = index < least ? NEVER : index > 0 ? SPACE : EMPTY
    if (index >= most) return end
    const comma = index > 0 ? COMMA : EMPTY
    if (index < placed.length)
      return choice(
        end,
        rule(() => sequence(comma, placed[index], from(index + 1))),
      )
    const needed = Math.max(0, least - index)
    if (index > 0) return sequence(more(rest, needed, most - index), SPACE)
    const some = sequence(rest, more(rest, Math.max(0, needed - 1), most - 1), SPACE)
    return needed > 0 ? some : optional(some)
  }
  return from(0)
}

function more(item: Expression, min: number, max: number): Expression {
  const part = sequence(COMMA, item)
  return min === 0 && max === Infinity ? repeat(part, min, max) : counted(part, min, max)
}

/** Some of the listed values, in their order, each once. */
function subsets(
  grammar: SchemaGrammar,
  { path }: LocatedObject,
  shapes: readonly Shape[],
  least: number,
  most: number,
): Expression {
  const items = shapes.flatMap(({ rest }) => rest ?? [])
  const values = items.length === 0 ? undefined : finiteValues(grammar.alternatives(items))
  if (!values || shapes.some(({ first }) => first.length > 0)) {
    throw unsupported('uniqueItems', path, 'it needs items that are listed, in enum')
  }
  const known = new Map<string, Expression>()
  const from = (index: number, count: number): Expression => {
    const key = `${index}/${count}`
    const before = known.get(key)
    if (before) return before
    return rule((self) => {
      known.set(key, self)
      if (index === values.length) return count < least ? NEVER : count > 0 ? SPACE : EMPTY
      const taken = sequence(count > 0 ? COMMA : EMPTY, text(JSON.stringify(values[index])), from(index + 1, count + 1))
      return choice(count < most ? taken : NEVER, from(index + 1, count))
    })
  }
  return enclosed('[', from(0, 0), ']')
}

/** Arrays of which so many items are valid by another schema too. */
function containing(
  grammar: SchemaGrammar,
  contained: readonly LocatedObject[],
  shapes: readonly Shape[],
  schemas: readonly LocatedObject[],
): Expression {
  const [{ schema, path }] = contained
  const others = ['minItems', 'maxItems', 'uniqueItems']
  const beside = schemas.flatMap(({ schema }) => others.filter((keyword) => Object.hasOwn(schema, keyword)))
  if (contained.length > 1 || beside.length > 0 || shapes.some(({ first }) => first.length > 0)) {
    throw unsupported('contains', path, `it stands beside ${beside[0] ?? 'items that others bound'}`)
  }
  const any = shapes.flatMap(({ rest }) => rest ?? [])
  const item = any.length === 0 ? VALUE : grammar.value(any)
  const wanted = grammar.value([...any, located(schema.contains, `${path}/contains`)])
  const times = countOf(contained[0], 'minContains') ?? 1
  const before = repeat(sequence(item, COMMA), 0, Infinity)
  const after = repeat(sequence(COMMA, item), 0, Infinity)
  if (times === 0) return enclosed('[', optional(sequence(item, after, SPACE)), ']')
  const more = repeat(sequence(COMMA, before, wanted), times - 1, times - 1)
  return enclosed('[', sequence(before, wanted, more, after, SPACE), ']')
}
