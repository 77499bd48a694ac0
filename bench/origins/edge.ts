import type { ChatMessage } from '../../src/chat/messages.ts'
import type { GenerateEnd } from '../../src/generate/types.ts'

/** Header of a completion: tokens after which the edge hands it over. */
export const BUDGET_HEADER = 'x-bench-budget'

/** What POST /edge of worker.ts takes: a chat, and the tokens that its answer has already. */
export interface EdgeRequest {
  readonly messages: readonly ChatMessage[]
  readonly generatedIds: readonly number[]
  readonly maxTokens: number
  readonly bannedIds: readonly number[]
}

export interface Generated {
  readonly promptIds: readonly number[]
  readonly ids: readonly number[]
  readonly end: GenerateEnd
}
