import { echo } from '../../echo.ts'
import { ApiError } from '../errors.ts'
import { MAX_MESSAGES } from '../schemas.ts'
import { itemId, type ResponseId, responseOfItem } from './ids.ts'
import type { InputItem, Item } from './items.ts'
import type { OutputItem } from './objects.ts'
import { type Responses, toldObject } from './responses.ts'
import type { StoredResponse } from './store.ts'

/** As of one body: a conversation is read whole for every response. */
const MAX_BYTES = 4 * 1024 * 1024

/** All items of the responses that one continues, from the first on. Throws an ApiError. */
export function earlierItems(responses: Responses, previous: string | null | undefined): Item[] {
  if (previous == null) return []
  if (responses.isGoing(previous)) {
    throw refused(
      'previous_response_in_progress',
      `Response '${echo(previous)}' goes on: wait for its end, or cancel it.`,
    )
  }
  const turns = responses.store?.conversation(previous)
  if (!turns) {
    throw refused(
      'previous_response_not_found',
      `Previous response with id '${echo(previous)}' not found, or one that it continues: send the conversation as input.`,
    )
  }
  if (turns.bytes > MAX_BYTES) throw tooLong()
  return turns.ids.flatMap((id) => itemsOf(responses.store!.get(id)!))
}

/** The items of a request, with ids, and what references refer to in their place. Throws an ApiError. */
export function ownItems(responses: Responses, id: ResponseId, input: readonly InputItem[]): Item[] {
  const stored = new Map<ResponseId, Item[]>()
  return input.map((item, index) => {
    if (item.type !== 'item_reference') return { ...item, id: item.id ?? itemId(KINDS[item.type], id, index) }
    const response = responseOfItem(item.id)
    if (response && !stored.has(response)) {
      const found = responses.store?.get(response)
      stored.set(response, found ? itemsOf(found) : [])
    }
    const referred = response && stored.get(response)!.find((one) => one.id === item.id)
    if (referred) return referred
    throw new ApiError(
      404,
      'item_not_found',
      `Item with id '${echo(item.id)}' not found: its response was not stored, or is not kept any more. Send the item itself.`,
      { param: `input.${index}.id` },
    )
  })
}

/** Throws an ApiError where there are too many for one prompt. */
export function checkLength(items: readonly Item[]): void {
  if (items.length > MAX_MESSAGES) throw tooLong()
}

const KINDS = { message: 'msg', reasoning: 'rs', function_call: 'fc', function_call_output: 'fc' } as const

function itemsOf(stored: StoredResponse): Item[] {
  return [...stored.input, ...toldObject(stored).output.map(asInput)]
}

/** Output items are input items as they are, but for their types. */
function asInput(item: OutputItem): Item {
  return item as Item
}

function tooLong(): ApiError {
  return refused(
    'conversation_too_long',
    `The conversation has more than ${MAX_MESSAGES} items, or ${MAX_BYTES} bytes: begin a new one.`,
  )
}

function refused(code: string, message: string): ApiError {
  return new ApiError(400, code, message, { param: 'previous_response_id' })
}
