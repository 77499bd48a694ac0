import { ANSWERS } from './oddities-of-answers.ts'
import { CHUNKS } from './oddities-of-chunks.ts'
import type { Oddity } from './oddity.ts'

/** How origins end strangely and send too much, and what must come of it, for every kind of client. */
export const ODDITIES: readonly Oddity[] = [...CHUNKS, ...ANSWERS]
