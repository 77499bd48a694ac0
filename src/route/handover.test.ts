import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GREEDY } from '../../test/origins/collect.ts'
import { nextLetter, PROMPT, tokenizer } from '../../test/origins/letters-model.ts'
import { NO_RULES } from '../../test/support/stop-rules.ts'
import type { GeneratedToken, GenerateEnd } from '../generate/types.ts'
import { AllOriginsFailedError, OriginError } from '../origin/errors.ts'
import { History, type HistoryToken } from '../origin/history.ts'
import type { ContinueRequest } from '../origin/origin.ts'
import { type HandoverOptions, handover } from './handover.ts'
import { isNotice, type SourcedToken } from './source.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const edgeNext = (ids: readonly number[]) => nextLetter([...ids, 1])
const originNext = (ids: readonly number[]) => nextLetter([...ids, 2])

const sleep = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

interface OriginPlan {
  /** Until the first token of the next request, in ms. */
  readonly firstTokenMs: number
  /** Tokens after which it fails; undefined: it does not. */
  readonly failsAfter?: number
}

interface World {
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

interface Delivery {
  readonly token: SourcedToken
  readonly at: number
}

function world({ edgeMs = 100, plans, guessMs = 300, maxTokens = 120, ...rest }: World) {
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

async function run(
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

const idOf = ({ token }: Delivery) => (token as GeneratedToken).id

/** Every token is what its source says after exactly the tokens before it: none is lost, doubled or of another branch. */
function expectJoined(deliveries: Delivery[]) {
  const ids = [...PROMPT.ids]
  for (const delivery of deliveries) {
    const next = delivery.token.source === 'edge' ? edgeNext : originNext
    expect(idOf(delivery)).toBe(next(ids))
    ids.push(idOf(delivery))
  }
}

const sources = (deliveries: Delivery[]) =>
  deliveries
    .map(({ token }) => token.source[0])
    .join('')
    .replace(/(.)\1*/g, '$1')

/** Of each stretch of one source why it begins there. */
const reasons = (deliveries: Delivery[]) =>
  deliveries
    .filter(({ token }, index) => token.source !== deliveries[index - 1]?.token.source)
    .map(({ token }) => token.reason)

function gapAtSwitch(deliveries: Delivery[]) {
  const first = deliveries.findIndex(({ token }) => token.source === 'origin')
  return deliveries[first].at - deliveries[first - 1].at
}

describe('the switch to an origin that answers in time', () => {
  test.each([50, 200, 400])('first token after %d ms: no gap, and no token of both', async (firstTokenMs) => {
    const it = world({ plans: [{ firstTokenMs }] })
    const { deliveries, notices, end } = await run(it)
    expectJoined(deliveries)
    expect([sources(deliveries), deliveries.length, end]).toEqual(['eo', 120, 'length'])
    expect([reasons(deliveries), notices]).toEqual([['may-get-long', 'budget'], []])
    expect(gapAtSwitch(deliveries)).toBeLessThan(100)
    expect(it.state.requests.length).toBe(1)
    expect(it.state.edgeRunning).toBe(0)
    // The largest gap before it is what a reserve costs.
    const gaps = deliveries.slice(1).map(({ at }, index) => at - deliveries[index].at)
    expect(Math.max(...gaps)).toBeLessThanOrEqual(200)
    const switched = deliveries.filter(({ token }) => token.source === 'edge').length
    expect(switched).toBeGreaterThanOrEqual(27)
    expect(switched).toBeLessThanOrEqual(36)
  })

  test('a slower one is asked again with more tokens, and still leaves no gap', async () => {
    const it = world({ plans: [{ firstTokenMs: 800 }] })
    const { deliveries } = await run(it)
    expectJoined(deliveries)
    expect(sources(deliveries)).toBe('eo')
    expect(it.state.requests.length).toBeGreaterThan(1)
    expect(gapAtSwitch(deliveries)).toBeLessThan(100)
    expect(it.state.originOpen).toBe(0)
  })

  test('one that is far too slow is waited for, and the edge goes on meanwhile', async () => {
    const it = world({ plans: [{ firstTokenMs: 4000 }] })
    const { deliveries, notices } = await run(it)
    expectJoined(deliveries)
    const moved = deliveries.findIndex(({ token }) => token.source === 'origin')
    expect(notices).toEqual(['moving', moved])
    expect([sources(deliveries), it.state.requests.length]).toEqual(['eo', 3])
    expect(it.state.edgeMade).toBeGreaterThan(60)
  })

  test('too slow an edge hands over before its tokens are spent', async () => {
    const { deliveries } = await run(world({ plans: [{ firstTokenMs: 100 }], budgetTokens: 1000, msPerToken: 80 }))
    expectJoined(deliveries)
    expect(sources(deliveries)).toBe('eo')
    expect(reasons(deliveries)).toEqual(['may-get-long', 'slow-edge'])
    expect(deliveries.findIndex(({ token }) => token.source === 'origin')).toBeLessThan(25)
  })
})

describe('origins that fail', () => {
  test('at once: the edge goes on, and tries again a budget later', async () => {
    const it = world({ plans: [{ firstTokenMs: 100, failsAfter: 0 }], maxTokens: 100 })
    const { deliveries, end } = await run(it)
    expectJoined(deliveries)
    expect([sources(deliveries), deliveries.length, end]).toEqual(['e', 100, 'length'])
    expect(it.state.requests.length).toBe(3)
    expect(it.state.edgeMade).toBe(100)
  })

  test('in mid-stream: the edge goes on from the last token', async () => {
    const it = world({ plans: [{ firstTokenMs: 100, failsAfter: 20 }, { firstTokenMs: 100 }], maxTokens: 150 })
    const { deliveries, notices, end } = await run(it)
    expectJoined(deliveries)
    expect([sources(deliveries), deliveries.length, end]).toEqual(['eoeo', 150, 'length'])
    expect(reasons(deliveries)).toEqual(['may-get-long', 'budget', 'origin-failed', 'budget'])
    const lost = deliveries.findLastIndex(
      ({ token }, index) => token.source === 'edge' && deliveries[index - 1]?.token.source === 'origin',
    )
    expect(notices).toEqual(['recovered', lost])
    expect(it.state.log).toContainEqual(expect.objectContaining({ event: 'origins_failed', codes: ['stream_cut'] }))
  })

  test('from the start: the edge answers', async () => {
    const it = world({ start: 'origin', plans: [{ firstTokenMs: 100, failsAfter: 0 }], maxTokens: 20 })
    const { deliveries, end } = await run(it)
    expectJoined(deliveries)
    expect([sources(deliveries), deliveries.length, end]).toEqual(['e', 20, 'length'])
    expect(reasons(deliveries)).toEqual(['origin-failed'])
  })
})

test('an origin alone costs the edge nothing', async () => {
  const it = world({ start: 'origin', plans: [{ firstTokenMs: 100 }] })
  const { deliveries } = await run(it)
  expectJoined(deliveries)
  expect([sources(deliveries), it.state.edgeMade]).toEqual(['o', 0])
})

test('the edge that ends first has the last word', async () => {
  const it = world({ plans: [{ firstTokenMs: 10_000 }], edgeEndsAfter: 33 })
  const { deliveries, end } = await run(it)
  expectJoined(deliveries)
  expect([deliveries.length, end, it.state.originOpen]).toEqual([33, 'eos', 0])
})

test('origins that take text are asked between characters only', async () => {
  for (let budgetTokens = 10; budgetTokens < 20; budgetTokens++) {
    const it = world({ plans: [{ firstTokenMs: 100 }], textOnly: true, budgetTokens })
    expectJoined((await run(it)).deliveries)
    expect(it.state.requests.map(({ history }) => history.text())).not.toContain(undefined)
  }
})

test('after the text of an origin the edge goes on from that text', async () => {
  async function* texts(): AsyncGenerator<HistoryToken, GenerateEnd> {
    yield { text: '好', count: 3 }
    yield { text: '!', count: 1 }
    throw new AllOriginsFailedError([new OriginError('a', 'stream_cut', 'cut.')])
  }
  const origins = {
    continueAtOrigin: texts,
    available: true,
    firstTokenMs: 100,
    takeTextOnly: true,
    unsupported: () => undefined,
  }
  const it = world({ start: 'origin', plans: [], maxTokens: 10, budgetTokens: 100, options: { origins } })
  const { deliveries, end } = await run(it)
  expect([deliveries.length, end, it.state.edgeMade]).toEqual([8, 'length', 6])
  const ids = [...PROMPT.ids, ...tokenizer.encode('好!')]
  for (const delivery of deliveries.slice(2)) {
    expect(idOf(delivery)).toBe(edgeNext(ids))
    ids.push(idOf(delivery))
  }
})

describe('who leaves', () => {
  test.each([5, 29, 60])('aborting after %d tokens stops both sides', async (tokens) => {
    const it = world({ plans: [{ firstTokenMs: 300 }] })
    const { deliveries, end } = await run(it, (all) => {
      if (all.length === tokens) it.controller.abort()
    })
    expect(end).toBe('aborted')
    expect(deliveries.length).toBeLessThanOrEqual(tokens + 1)
    expect([it.state.edgeRunning, it.state.originOpen]).toEqual([0, 0])
  })

  test.each([5, 29, 60])('closing after %d tokens does too', async (tokens) => {
    const it = world({ plans: [{ firstTokenMs: 300 }] })
    const closing = (async () => {
      for (let i = 0; i < tokens; i++) await it.stream.next()
      await it.stream.return('aborted')
    })()
    await vi.advanceTimersByTimeAsync(60_000)
    await closing
    expect([it.state.edgeRunning, it.state.originOpen]).toEqual([0, 0])
  })
})

describe('what is forced', () => {
  const CLOSE = [...tokenizer.encode('</think>!')]

  /** Forces a closing tag once, after so many delivered tokens. */
  function closing(after: number) {
    const delivered: number[] = []
    return {
      delivered,
      steering: {
        forced: () => (delivered.length >= after && !delivered.includes(CLOSE[0]) ? CLOSE : []),
        banned: () => (delivered.includes(CLOSE[0]) ? [99] : []),
      },
    }
  }

  test.each([5, 20, 27, 29, 31, 33, 60])('after %d tokens comes right after them, wherever that is', async (after) => {
    const { steering, delivered } = closing(after)
    const it = world({ plans: [{ firstTokenMs: 300 }], options: { steering } })
    const { deliveries } = await run(it, (all) => delivered.push(idOf(all.at(-1)!)))
    expect(delivered.slice(after, after + CLOSE.length)).toEqual(CLOSE)
    const ids = [...PROMPT.ids, ...delivered.slice(0, after + CLOSE.length)]
    const rest = deliveries.slice(after + CLOSE.length)
    for (const delivery of rest) {
      expect(idOf(delivery)).toBe((delivery.token.source === 'edge' ? edgeNext : originNext)(ids))
      ids.push(idOf(delivery))
    }
    expect(deliveries.length).toBe(120)
    const last = it.state.requests.at(-1)!
    expect(last.bannedIds).toEqual(last.history.length > after ? [99] : [])
  })

  test.each(['edge', 'origin'] as const)(
    'does not wait for an origin that is late, in an answer that begins at the %s',
    async (start) => {
      const { promise: hurried, resolve } = Promise.withResolvers<void>()
      let hurries = false
      const delivered: number[] = []
      const steering = {
        forced: () => (hurries && !delivered.includes(CLOSE[0]) ? CLOSE : []),
        banned: () => [],
        hurried,
      }
      const it = world({ start, plans: [{ firstTokenMs: 20_000 }], options: { steering } })
      const at = 12_000
      setTimeout(() => {
        hurries = true
        resolve()
      }, at)
      const began = Date.now()
      const { deliveries } = await run(it, (all) => delivered.push(idOf(all.at(-1)!)))
      const closed = deliveries.find((delivery) => idOf(delivery) === CLOSE[0])!
      expect(closed.at - began).toBeLessThanOrEqual(at + 100)
      expect(delivered.slice(delivered.indexOf(CLOSE[0])).slice(0, CLOSE.length)).toEqual(CLOSE)
      // What follows is asked for anew, once, and follows what was put in.
      expect(it.state.requests.at(-1)!.history.ids().slice(-CLOSE.length)).toEqual(CLOSE)
      expect(deliveries.length).toBe(120)
      expect(it.state.originOpen).toBe(0)
    },
  )

  test('before the first token of an origin', async () => {
    const { steering, delivered } = closing(0)
    const it = world({ start: 'origin', plans: [{ firstTokenMs: 100 }], options: { steering } })
    await run(it, (all) => delivered.push(idOf(all.at(-1)!)))
    expect(delivered.slice(0, CLOSE.length)).toEqual(CLOSE)
  })
})

test('whatever the times and failures, the tokens join', async () => {
  const plan = fc.record({
    firstTokenMs: fc.integer({ min: 0, max: 3000 }),
    failsAfter: fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        plans: fc.array(plan, { minLength: 1, maxLength: 6 }),
        edgeMs: fc.integer({ min: 1, max: 300 }),
        guessMs: fc.integer({ min: 0, max: 2000 }),
        budgetTokens: fc.integer({ min: 0, max: 60 }),
        maxTokens: fc.integer({ min: 0, max: 120 }),
        start: fc.constantFrom('edge', 'origin'),
      }),
      async (options) => {
        const it = world(options)
        const { deliveries, end } = await run(it)
        expectJoined(deliveries)
        expect([deliveries.length, end]).toEqual([options.maxTokens, 'length'])
        expect([it.state.edgeRunning, it.state.originOpen]).toEqual([0, 0])
      },
    ),
    { seed: 3, numRuns: 100 },
  )
})
