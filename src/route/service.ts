import type { LanguageModel } from '../generate/language-model.ts'
import { GenerationQueue } from '../generate/queue.ts'
import { createRandom } from '../generate/random.ts'
import { Origins } from '../origin/origins.ts'
import type { HandoverOptions } from './handover.ts'
import { type EdgeLimits, readEdgeLimits } from './limits.ts'
import type { Source } from './source.ts'

/** What all answers share. */
export interface ChatService {
  readonly origins: Origins
  readonly limits: EdgeLimits
  /** Who may compute at the edge. */
  readonly queue: GenerationQueue
  readonly log: HandoverOptions['log']
  /** Told of every token that is delivered, and of text without ids how many its origin counts. */
  readonly made?: (source: Source, tokens: number) => void
}

/** For who may not use any. */
export const NO_ORIGINS = new Origins([], createRandom(0))

/** Tokens of the longest context that an answer may have. */
export function contextLengthOf(
  { contextLength }: Pick<LanguageModel, 'contextLength'>,
  { origins }: Pick<ChatService, 'origins'>,
): number {
  return Math.max(contextLength, origins.contextLength)
}

/** An edge without origins, and with nobody else at it. */
export function edgeAlone(queue = new GenerationQueue()): ChatService {
  return { origins: NO_ORIGINS, limits: readEdgeLimits({}), queue, log: () => {} }
}
