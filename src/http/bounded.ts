import { z } from 'zod'

/** Of a message, a part or a call, those that nobody knows among them. */
const MAX_FIELDS = 64

/** A list whose length is known to be right before any of its items is looked at. */
export function list<Item extends z.ZodType>(item: Item, max: number) {
  return z.array(z.unknown()).max(max).pipe(z.array(item))
}

/** Token ids. One predicate: of many wrong ones zod would make as many issues. */
export function tokenIds(max: number) {
  return z
    .custom<readonly number[]>(
      (value) => Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0),
      'expected token ids',
    )
    .refine((ids) => ids.length <= max, `expected at most ${max} token ids`)
    .meta({ type: 'array', items: { type: 'integer', minimum: 0 }, maxItems: max })
}

/** With fields that nobody knows, but not any number of them. */
export function fields<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z
    .looseObject(shape)
    .refine((object) => Object.keys(object).length <= MAX_FIELDS, `expected at most ${MAX_FIELDS} fields`)
}
