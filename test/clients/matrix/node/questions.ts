import assert from 'node:assert/strict'
import { z } from 'zod'

export const HELLO = 'Say hello.'
export const STORY = 'Tell me a very long story about a mill by the sea.'
/** Of the scripted model. */
export const WEATHER_QUESTION = 'How is the weather in Rome?'
export const THOUGHT = 'Hm.'

export const PET_QUESTION = 'Name a pet, as JSON.'
export const pet = z.object({ animal: z.enum(['cat', 'dog']), tame: z.boolean() })
export const city = z.object({ city: z.enum(['Rome', 'Oslo']) })

export function expectPieces(pieces: readonly string[]): void {
  assert(pieces.length > 3 && pieces.join('') !== '', JSON.stringify(pieces))
}

/** Reads a stream up to its first piece, and leaves it. */
export async function leaveAfterFirst<Item>(
  stream: AsyncIterable<Item>,
  isPiece: (item: Item) => unknown,
): Promise<void> {
  for await (const item of stream) if (isPiece(item)) return
  assert.fail('the stream ended by itself')
}
