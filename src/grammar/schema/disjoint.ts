import { canonical, enumeratedValues, finiteValues, type Resolve } from './enumerated.ts'
import {
  declaredTypes,
  intersectTypes,
  type LocatedObject,
  schemasOf,
  TYPES,
  type Type,
  typeOf,
  typesMeant,
} from './keywords.ts'

/**
 * Whether schemas refuse every value that a grammar writes for others. Nothing is tried out: false means that it is not seen at a glance,
 * which is by types, by listed values, and by a property that is always there and has other values.
 */
export function isRejected(written: readonly LocatedObject[], by: readonly LocatedObject[], resolve: Resolve): boolean {
  const values = enumeratedValues(written)
  const others = enumeratedValues(by)
  if (values && others) {
    const known = new Set(others.map(canonical))
    if (values.every((value) => !known.has(canonical(value)))) return true
  }
  const types = values ? new Set(values.map(typeOf)) : writtenTypes(written)
  const accepted = others ? new Set(others.map(typeOf)) : acceptedTypes(by)
  const common = intersectTypes(types, accepted)
  if (common.size === 0) return true
  return common.size === 1 && common.has('object') && isRejectedObject(written, by, resolve)
}

function isRejectedObject(written: readonly LocatedObject[], by: readonly LocatedObject[], resolve: Resolve): boolean {
  const required = requiredOf(written)
  for (const name of requiredOf(by)) if (!required.has(name) && !mayHave(written, name)) return true
  for (const name of required) {
    const own = valuesOf(written, name, resolve)
    const others = valuesOf(by, name, resolve)
    if (others?.length === 0) return true
    if (!own || !others) continue
    const known = new Set(others.map(canonical))
    if (own.every((value) => !known.has(canonical(value)))) return true
  }
  return false
}

function requiredOf(schemas: readonly LocatedObject[]): Set<string> {
  return new Set(schemas.flatMap(({ schema }) => (Array.isArray(schema.required) ? schema.required : [])))
}

/** Whether a grammar may write a property: it writes none that no schema names, unless one allows others. */
function mayHave(schemas: readonly LocatedObject[], name: string): boolean {
  const isNamed = schemas.some((schema) => schemasOf(schema, 'properties').has(name))
  const isOpen = (keyword: string) =>
    schemas.some(({ schema }) => Object.hasOwn(schema, keyword) && schema[keyword] !== false)
  return (
    isNamed ||
    isOpen('additionalProperties') ||
    isOpen('unevaluatedProperties') ||
    isOpen('patternProperties') ||
    isOpen('propertyNames') ||
    schemas.every((schema) => schemasOf(schema, 'properties').size === 0)
  )
}

function valuesOf(schemas: readonly LocatedObject[], name: string, resolve: Resolve): unknown[] | undefined {
  const own = schemas.flatMap((schema) => schemasOf(schema, 'properties').get(name) ?? [])
  if (own.length === 0) {
    const isClosed = schemas.some(
      ({ schema }) => schema.additionalProperties === false && !Object.hasOwn(schema, 'patternProperties'),
    )
    return isClosed ? [] : undefined
  }
  return finiteValues(resolve(own))
}

function writtenTypes(schemas: readonly LocatedObject[]): Set<Type> {
  const accepted = acceptedTypes(schemas)
  if (schemas.some((schema) => declaredTypes(schema))) return accepted
  return typesMeant(schemas) ?? accepted
}

function acceptedTypes(schemas: readonly LocatedObject[]): Set<Type> {
  return schemas.reduce<Set<Type>>((types, schema) => {
    const declared = declaredTypes(schema)
    return declared ? intersectTypes(types, declared) : types
  }, new Set(TYPES))
}
