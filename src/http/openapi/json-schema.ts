import { z } from 'zod'

/**
 * The JSON Schema of what a request sends or an answer has. The schemas look at a list's length before its items, and take short forms
 * apart (bounded.ts, messages/blocks.ts): the first of two steps says too little of what comes in.
 */
export function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: json }) => {
      const second = io === 'input' ? secondStep(zodSchema) : undefined
      if (second) replace(json, second)
      delete json.shortForm
      // Of whole numbers zod says that JavaScript holds them.
      if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum
      if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum
    },
  })
  return json
}

function replace(json: object, by: object): void {
  for (const name of Object.keys(json)) delete (json as Record<string, unknown>)[name]
  Object.assign(json, by)
}

/** undefined: the schema has no second step, or the first one says all. */
function secondStep({ _zod: { def } }: z.core.$ZodTypes): object | undefined {
  if (def.type !== 'pipe') return undefined
  const { in: first, out } = def as unknown as { in: z.ZodType; out: z.ZodType }
  const whole = () => jsonSchema(out, 'input')
  const minItems = lengthOf(def.checks ?? [], 'min_length', 'minimum')
  switch (first.def.type) {
    case 'array':
      return {
        ...whole(),
        maxItems: lengthOf(first.def.checks ?? [], 'max_length', 'maximum'),
        ...(minItems !== undefined && { minItems }),
      }
    case 'transform': {
      const { shortForm } = (z.globalRegistry.get(out) ?? {}) as { shortForm?: string }
      return shortForm === undefined ? whole() : { anyOf: [{ type: shortForm }, whole()] }
    }
    default:
      return undefined
  }
}

/** What a check of a length holds it to. */
function lengthOf(checks: readonly z.core.$ZodCheck<never>[], check: string, bound: string): number | undefined {
  const found = checks.find(({ _zod }) => _zod.def.check === check)
  return (found?._zod.def as unknown as Record<string, number> | undefined)?.[bound]
}
