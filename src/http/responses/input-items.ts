import { z } from 'zod'
import { echo } from '../../echo.ts'
import { ApiError } from '../errors.ts'
import type { Item } from './items.ts'

const MAX_LIMIT = 100
const LIMIT = 20

export const pageQuery = z.object({
  after: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(LIMIT),
  order: z.enum(['asc', 'desc']).default('desc'),
})

/** A page of what was asked, in the form in which the API tells items. Throws an ApiError. */
export function inputItemsPage(input: readonly Item[], { after, limit, order }: z.infer<typeof pageQuery>) {
  const items = input.map(itemObject)
  if (order === 'desc') items.reverse()
  const position = after === undefined ? -1 : items.findIndex(({ id }) => id === after)
  if (after !== undefined && position < 0) {
    throw new ApiError(400, 'invalid_value', `Invalid value for after: there is no input item '${echo(after)}'.`, {
      param: 'after',
    })
  }
  const data = items.slice(position + 1, position + 1 + limit)
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: position + 1 + limit < items.length,
  }
}

/** With the defaults of what clients may leave out: content is a list of parts. */
function itemObject(item: Item) {
  const status = item.status ?? 'completed'
  switch (item.type) {
    case 'message': {
      const type = item.role === 'assistant' ? 'output_text' : 'input_text'
      const content = typeof item.content === 'string' ? [{ type, text: item.content }] : item.content
      return {
        ...item,
        status,
        content: content.map((part) => (part.type === 'output_text' ? outputText(part) : part)),
      }
    }
    case 'reasoning':
      return { ...item, status, summary: item.summary ?? [] }
    default:
      return { ...item, status }
  }
}

function outputText(part: object) {
  return { annotations: [], logprobs: [], ...part }
}
