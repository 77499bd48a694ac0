import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { PROMPT, tokenizer } from '../../test/origins/letters-model.ts'
import {
  edgeNext,
  expectJoined,
  gapAtSwitch,
  idOf,
  originNext,
  reasons,
  run,
  sources,
  world,
} from '../../test/support/handover-world.ts'
import type { GenerateEnd } from '../generate/types.ts'
import { AllOriginsFailedError, OriginError } from '../origin/errors.ts'
import type { HistoryToken } from '../origin/history.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

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
