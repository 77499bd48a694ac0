import { samplingParams } from '../../src/chat/sampling.ts'
import type { ContinueRequest } from '../../src/origin/continue-request.ts'
import { AllOriginsFailedError } from '../../src/origin/errors.ts'
import { History, type HistoryToken } from '../../src/origin/history.ts'
import { type OriginConfig, parseOrigins } from '../../src/origin/origin-config.ts'
import { EOS_ID } from '../support/fake-model.ts'
import { NO_RULES } from '../support/stop-rules.ts'
import { PROMPT, tokenizer } from './letters-model.ts'

export const GREEDY = samplingParams({ temperature: 0 }, {})

export function requestOf(changes: Partial<ContinueRequest> = {}): ContinueRequest {
  return {
    history: new History(tokenizer, PROMPT),
    maxTokens: 50,
    sampling: GREEDY,
    eosIds: [EOS_ID],
    stopRules: NO_RULES,
    bannedIds: [],
    topLogprobs: undefined,
    grammar: undefined,
    signal: new AbortController().signal,
    ...changes,
  }
}

/** Configurations as ORIGINS would give them. */
export function configs(...origins: Record<string, unknown>[]): OriginConfig[] {
  return parseOrigins(
    origins.map((origin, index) => ({ name: `origin-${index}`, kind: 'vllm', model: 'letters', ...origin })),
    { KEY_A: 'key-of-a', KEY_B: 'key-of-b' },
  )
}

export interface Collected {
  readonly ids: number[]
  readonly text: string
  readonly count: number
  readonly tokens: HistoryToken[]
  /** Codes of the failures where all origins failed. */
  readonly end: string | string[]
}

/** All tokens, and how they ended. */
export async function collect(stream: AsyncGenerator<HistoryToken, string>): Promise<Collected> {
  const tokens: HistoryToken[] = []
  const result = (end: string | string[]) => ({
    tokens,
    ids: tokens.flatMap((token) => ('id' in token ? [token.id] : [])),
    text: tokens.map((token) => ('text' in token ? token.text : '')).join(''),
    count: tokens.reduce((sum, token) => sum + ('id' in token ? 1 : token.count), 0),
    end,
  })
  try {
    for (;;) {
      const step = await stream.next()
      if (step.done) return result(step.value)
      tokens.push(step.value)
    }
  } catch (error) {
    if (!(error instanceof AllOriginsFailedError)) throw error
    return result(error.failures.map(({ code }) => code))
  }
}
