import { expect, vi } from 'vitest'
import type { GeneratedToken, GenerateEnd } from '../../src/generate/types.ts'
import type { ContinueRequest } from '../../src/origin/continue-request.ts'
import { AllOriginsFailedError, OriginError } from '../../src/origin/errors.ts'
import { History } from '../../src/origin/history.ts'
import { type HandoverOptions, handover } from '../../src/route/handover.ts'
import { isNotice, type SourcedToken } from '../../src/route/source.ts'
import { GREEDY } from '../origins/collect.ts'
import { nextLetter, PROMPT, tokenizer } from '../origins/letters-model.ts'
import { NO_RULES } from './stop-rules.ts'

export const edgeNext = (ids: readonly number[]) => nextLetter([...ids, 1])
export const originNext = (ids: readonly number[]) => nextLetter([...ids, 2])

export const sleep = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

export interface OriginPlan {
  /** Until the first token of the next request, in ms. */
  readonly firstTokenMs: number
  /** Tokens after which it fails; undefined: it does not. */
  readonly failsAfter?: number
}

export interface World {
  readonly edgeMs?: number
  /** For each request in turn; the last one for all that follow. */
  readonly plans: OriginPlan[]
  readonly budgetTokens?: number
  readonly msPerToken?: number
  readonly maxTokens?: number
  readonly start?: 'edge' | 'origin'
  readonly guessMs?: number
  readonly edgeEndsAfter?: number
  readonly textOnly?: boolean
  readonly options?: Partial<HandoverOptions>
}

export interface Delivery {
  readonly token: SourcedToken
  readonly at: number
}

export function world({ edgeMs = 100, plans, guessMs = 300, maxTokens = 120, ...rest }: World) {
  const controller = new AbortController()
  const state = { edgeMade: 0, edgeRunning: 0, originOpen: 0, requests: [] as ContinueRequest[], log: [] as object[] }

  async function* edge(
    history: History,
    max: number,
    signal: AbortSignal,
    steering: HandoverOptions['steering'],
  ): AsyncGenerator<GeneratedToken, GenerateEnd> {
    state.edgeRunning++
    try {
      const ids = history.ids()
      let forced: readonly number[] = []
      for (let made = 0; made < max; made++) {
        await sleep(edgeMs, signal)
        if (signal.aborted) return 'aborted'
        if (ids.length - PROMPT.ids.length === rest.edgeEndsAfter) return 'eos'
        if (forced.length === 0) forced = steering?.forced() ?? []
        const id = forced[0] ?? edgeNext(ids)
        forced = forced.slice(1)
        state.edgeMade++
        ids.push(id)
        yield { id, logprobs: undefined }
      }
      return 'length'
    } finally {
      state.edgeRunning--
    }
  }

  async function* continueAtOrigin(request: ContinueRequest): AsyncGenerator<GeneratedToken, GenerateEnd> {
    const plan = plans[Math.min(state.requests.length, plans.length - 1)]
    state.requests.push(request)
    state.originOpen++
    try {
      await sleep(plan.firstTokenMs, request.signal)
      const ids = request.history.ids()
      for (let made = 0; made < request.maxTokens; made++) {
        if (request.signal.aborted) return 'aborted'
        if (made === plan.failsAfter) throw new AllOriginsFailedError([new OriginError('a', 'stream_cut', 'cut.')])
        const id = originNext(ids)
        ids.push(id)
        yield { id, logprobs: undefined }
        await sleep(10, request.signal)
      }
      return 'length'
    } finally {
      state.originOpen--
    }
  }

  const stream = handover({
    origins: {
      continueAtOrigin,
      available: true,
      firstTokenMs: guessMs,
      takeTextOnly: rest.textOnly ?? false,
      unsupported: () => undefined,
    },
    start: rest.start ?? 'edge',
    reason: 'may-get-long',
    edge,
    budget: { tokens: rest.budgetTokens ?? 30, msPerToken: rest.msPerToken ?? Number.POSITIVE_INFINITY },
    request: {
      history: new History(tokenizer, PROMPT),
      maxTokens,
      sampling: GREEDY,
      eosIds: [],
      stopRules: NO_RULES,
      topLogprobs: undefined,
      signal: controller.signal,
    },
    steering: undefined,
    log: (entry) => state.log.push(entry),
    ...rest.options,
  })
  return { stream, state, controller }
}

export async function run(
  { stream }: Pick<ReturnType<typeof world>, 'stream'>,
  onToken: (all: Delivery[]) => void = () => {},
) {
  const deliveries: Delivery[] = []
  /** Each with the tokens before it. */
  const notices: (string | number)[] = []
  let end: GenerateEnd | undefined
  const reading = (async () => {
    for (;;) {
      const step = await stream.next()
      if (step.done) {
        end = step.value
        return
      }
      if (isNotice(step.value)) {
        notices.push(step.value.type, deliveries.length)
        continue
      }
      deliveries.push({ token: step.value, at: Date.now() })
      onToken(deliveries)
    }
  })()
  for (let i = 0; i < 2000 && end === undefined; i++) await vi.advanceTimersByTimeAsync(50)
  await reading
  return { deliveries, notices, end }
}

export const idOf = ({ token }: Delivery) => (token as GeneratedToken).id

/** Every token is what its source says after exactly the tokens before it: none is lost, doubled or of another branch. */
export function expectJoined(deliveries: Delivery[]) {
  const ids = [...PROMPT.ids]
  for (const delivery of deliveries) {
    const next = delivery.token.source === 'edge' ? edgeNext : originNext
    expect(idOf(delivery)).toBe(next(ids))
    ids.push(idOf(delivery))
  }
}

export const sources = (deliveries: Delivery[]) =>
  deliveries
    .map(({ token }) => token.source[0])
    .join('')
    .replace(/(.)\1*/g, '$1')

/** Of each stretch of one source why it begins there. */
export const reasons = (deliveries: Delivery[]) =>
  deliveries
    .filter(({ token }, index) => token.source !== deliveries[index - 1]?.token.source)
    .map(({ token }) => token.reason)

export function gapAtSwitch(deliveries: Delivery[]) {
  const first = deliveries.findIndex(({ token }) => token.source === 'origin')
  return deliveries[first].at - deliveries[first - 1].at
}
