import { JsonFloat } from '../jinja/values.ts'

/** A schema as JSON.parse would give it: those of tools come as src/jinja/exact-json.ts reads them, with all digits and the order of keys. */
export function plainJson(value: unknown): unknown {
  if (value instanceof JsonFloat) return value.value
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plainJson)
  if (value instanceof Map) return Object.fromEntries(Array.from(value, ([key, inner]) => [key, plainJson(inner)]))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainJson(inner)]))
}
