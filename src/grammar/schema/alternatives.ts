import { GrammarError } from '../grammar-error.ts'
import { isRejected } from './disjoint.ts'
import {
  checkKeywords,
  invalid,
  type Located,
  type LocatedObject,
  located,
  type Schema,
  type SchemaObject,
  schemasOf,
  TYPES,
  type Type,
  unsupported,
} from './keywords.ts'
import { resolveReference } from './references.ts'

/** Ways in which one value may be valid; unions of unions multiply. */
const MAX_ALTERNATIVES = 200
const MAX_DEPTH = 100

/** What applies to the value itself, beside which unevaluatedProperties and unevaluatedItems would have to know the others' results. */
const IN_PLACE = ['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'dependentSchemas', 'dependencies']
const UNEVALUATED = ['unevaluatedProperties', 'unevaluatedItems']

/**
 * Takes references and combinations of schemas apart: a value is valid where all schemas of one of its alternatives accept it, and none of these
 * schemas refers to others for the same value. The same schemas give the very same objects, so that what is recursive is known again.
 */
export class Alternatives {
  readonly #root: Schema
  readonly #derived = new WeakMap<SchemaObject, Map<string, SchemaObject>>()

  constructor(root: Schema) {
    this.#root = root
  }

  /** Of values that all these schemas accept. Throws GrammarError. */
  of(schemas: readonly Located[], depth = 0): LocatedObject[][] {
    if (depth > MAX_DEPTH) throw unsupported('$ref', schemas[0].path, 'it leads to itself')
    const flat = this.#flat(schemas)
    if (!flat) return []
    for (const [index, schema] of flat.entries()) {
      const others = flat.toSpliced(index, 1)
      const options = this.#branches(schema, others, depth)
      if (!options) continue
      const all = options.flatMap((option) => this.of([...others, ...option], depth + 1))
      if (all.length > MAX_ALTERNATIVES) {
        const message = `The schema at ${schema.path || 'the root'} has more than ${MAX_ALTERNATIVES} alternatives.`
        throw new GrammarError('grammar_too_large', message, schema.path)
      }
      return all
    }
    return [flat]
  }

  /** Without `$ref` and `allOf`; undefined where nothing is accepted. */
  #flat(schemas: readonly Located[]): LocatedObject[] | undefined {
    const flat: LocatedObject[] = []
    const seen = new Set<SchemaObject>()
    const visit = ({ schema, path }: Located): boolean => {
      if (typeof schema === 'boolean') return schema
      if (seen.has(schema)) return true
      seen.add(schema)
      checkKeywords({ schema, path })
      checkUnevaluated({ schema, path })
      let rest = schema
      if (Object.hasOwn(schema, '$ref')) {
        if (!visit(resolveReference(this.#root, schema.$ref, path))) return false
        rest = this.#without(rest, '$ref')
      }
      if (Object.hasOwn(schema, 'allOf')) {
        if (!listOf({ schema, path }, 'allOf').every(visit)) return false
        rest = this.#without(rest, 'allOf')
      }
      flat.push({ schema: rest, path })
      return true
    }
    return schemas.every(visit) ? flat : undefined
  }

  /** What may stand in a schema's place; undefined where it has no combination of schemas. */
  #branches(schema: LocatedObject, others: readonly LocatedObject[], depth: number): Located[][] | undefined {
    const has = (keyword: string) => Object.hasOwn(schema.schema, keyword)
    const rest = (keyword: string): LocatedObject => ({
      schema: this.#without(schema.schema, keyword),
      path: schema.path,
    })
    if (has('anyOf')) return listOf(schema, 'anyOf').map((branch) => [rest('anyOf'), branch])
    if (has('oneOf')) {
      const branches = listOf(schema, 'oneOf')
      this.#checkOneOf(schema, branches, [...others, rest('oneOf')], depth)
      return branches.map((branch) => [rest('oneOf'), branch])
    }
    if (has('not')) return [[rest('not'), this.#opposite(schema)]]
    for (const keyword of ['dependentRequired', 'dependentSchemas', 'dependencies']) {
      if (has(keyword)) return this.#dependent(schema, keyword, rest(keyword))
    }
    return undefined
  }

  /** Exactly one has to accept: what a grammar writes for one of them must be refused by all others. */
  #checkOneOf(schema: LocatedObject, branches: readonly Located[], others: readonly LocatedObject[], depth: number) {
    const written = branches.map((branch) => this.of([...others, branch], depth + 1))
    const alone = branches.map((branch) => this.of([branch], depth + 1))
    for (const [one, alternatives] of written.entries()) {
      for (const [other, accepted] of alone.entries()) {
        if (one === other) continue
        const isApart = alternatives.every((value) =>
          accepted.every((schemas) => isRejected(value, schemas, (inner) => this.of(inner, depth + 1))),
        )
        if (!isApart) throw unsupported('oneOf', schema.path, 'its schemas may accept the same value; try anyOf')
      }
    }
  }

  /** Of `not`, where that names types only. */
  #opposite(schema: LocatedObject): Located {
    const { not } = schema.schema
    const path = `${schema.path}/not`
    if (typeof not === 'boolean') return { schema: !not, path }
    const { type, ...more } = located(not, path).schema as SchemaObject
    if (type === undefined && Object.keys(more).length === 0) return { schema: false, path }
    if (type === undefined || Object.keys(more).length > 0) throw unsupported('not', schema.path)
    const types = new Set<Type>(Array.isArray(type) ? type : [type as Type])
    // No integer, but another number: a grammar would have to tell them apart.
    if (types.has('integer') && !types.has('number')) throw unsupported('not', schema.path)
    const left = TYPES.filter((name) => !types.has(name))
    return { schema: this.#made(schema.schema, 'not', () => ({ type: left })), path }
  }

  /** Where a property is there, others have to be, or another schema accepts the object. */
  #dependent(schema: LocatedObject, keyword: string, rest: LocatedObject): Located[][] {
    const entries = Object.entries(schema.schema[keyword] as object)
    return entries.reduce<Located[][]>(
      (options, [name, needed]) => {
        const path = `${schema.path}/${keyword}`
        const made = (key: string, build: () => SchemaObject): Located => ({
          schema: this.#made(schema.schema, `${keyword} ${key} ${name}`, build),
          path,
        })
        const absent = made('without', () => ({ properties: { [name]: false } }))
        const present = Array.isArray(needed)
          ? [made('with', () => ({ required: [name, ...needed] }))]
          : [made('with', () => ({ required: [name] })), located(needed, path)]
        const others = made('others', () => ({ type: TYPES.filter((type) => type !== 'object') }))
        return options.flatMap((option) => [
          [...option, absent],
          [...option, ...present],
          [...option, others],
        ])
      },
      [[rest]],
    )
  }

  #without(schema: SchemaObject, keyword: string): SchemaObject {
    return this.#made(schema, `without ${keyword}`, () => {
      const { [keyword]: _, ...rest } = schema
      return rest
    })
  }

  /** Made of a schema once. */
  #made(schema: SchemaObject, key: string, build: () => SchemaObject): SchemaObject {
    const made = this.#derived.get(schema) ?? new Map<string, SchemaObject>()
    this.#derived.set(schema, made)
    const value = made.get(key) ?? build()
    made.set(key, value)
    return value
  }
}

function listOf({ schema, path }: LocatedObject, keyword: string): Located[] {
  const list = schema[keyword]
  if (!Array.isArray(list) || list.length === 0) throw invalid(`'${keyword}' has to be a list of schemas`, path)
  return list.map((item, index) => located(item, `${path}/${keyword}/${index}`))
}

function checkUnevaluated({ schema, path }: LocatedObject): void {
  const keyword = UNEVALUATED.find((name) => Object.hasOwn(schema, name))
  if (keyword && IN_PLACE.some((name) => Object.hasOwn(schema, name))) {
    throw unsupported(keyword, path, 'it stands beside combinations of schemas; use additionalProperties or items')
  }
}

/** The names that schemas give to properties, in their order. */
export function propertyNames(schemas: readonly LocatedObject[]): string[] {
  return [...new Set(schemas.flatMap((schema) => [...schemasOf(schema, 'properties').keys()]))]
}
