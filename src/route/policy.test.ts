import { describe, expect, test } from 'vitest'
import { decideRoute, type RoutingFacts } from './policy.ts'
import { RouteWishError, routeWish } from './wish.ts'

const EDGE = { contextLength: 2048, maxPromptTokens: 512, budgetTokens: 256, ahead: 0 }
const FACTS: RoutingFacts = {
  wish: undefined,
  promptTokens: 100,
  maxTokens: undefined,
  answers: 1,
  reasoningEffort: undefined,
  edge: EDGE,
  origins: 'ready',
  originCan: { start: true, continue: true },
}

type Change = Omit<Partial<RoutingFacts>, 'edge'> & { edge?: Partial<RoutingFacts['edge']> }

describe('decideRoute', () => {
  test.each<[string, Change, string]>([
    ['nothing said', {}, 'edge-then-origin may-get-long'],
    ['no origin', { origins: 'none' }, 'edge no-origin'],
    ['no origin, though one is asked for', { origins: 'none', wish: 'origin' }, 'edge no-origin'],
    ['the edge asked for', { wish: 'edge' }, 'edge asked-for'],
    ['the edge asked for, with a prompt that it cannot hold', { wish: 'edge', promptTokens: 5000 }, 'edge asked-for'],
    ['an origin asked for', { wish: 'origin' }, 'origin asked-for'],
    ['an origin asked for, for a short answer', { wish: 'origin', maxTokens: 1 }, 'origin asked-for'],
    ['an origin asked for, all are down', { wish: 'origin', origins: 'down' }, 'edge origins-down'],
    [
      'an origin asked for that cannot',
      { wish: 'origin', originCan: { start: false, continue: false } },
      'edge origin-cannot',
    ],
    ['all origins down', { origins: 'down' }, 'edge origins-down'],
    ['all origins down, though the prompt is long', { origins: 'down', promptTokens: 5000 }, 'edge origins-down'],
    ['what no origin can do', { originCan: { start: false, continue: false } }, 'edge origin-cannot'],
    ['a prompt that fills the edge', { promptTokens: 2048 }, 'origin prompt-exceeds-edge'],
    ['a long prompt', { promptTokens: 513 }, 'origin long-prompt'],
    ['the longest prompt for the edge', { promptTokens: 512 }, 'edge-then-origin may-get-long'],
    ['a long prompt and a short answer', { promptTokens: 513, maxTokens: 1 }, 'origin long-prompt'],
    ['a busy edge', { edge: { ahead: 1 } }, 'origin edge-busy'],
    ['a short answer', { maxTokens: 256 }, 'edge short-answer'],
    ['a short answer with much effort', { maxTokens: 256, reasoningEffort: 'high' }, 'edge short-answer'],
    ['an answer that may pass the budget', { maxTokens: 257 }, 'edge-then-origin may-get-long'],
    ['much effort', { reasoningEffort: 'high' }, 'origin long-reasoning'],
    ['most effort', { reasoningEffort: 'xhigh' }, 'origin long-reasoning'],
    ['several answers', { answers: 2 }, 'origin several-answers'],
    ['several short answers', { answers: 2, maxTokens: 256 }, 'edge short-answer'],
    ['several answers, busy edge', { answers: 2, maxTokens: 10, edge: { ahead: 3 } }, 'origin edge-busy'],
    [
      'several answers that no origin could continue',
      { answers: 2, originCan: { start: true, continue: false } },
      'origin several-answers',
    ],
    ['little effort', { reasoningEffort: 'low' }, 'edge-then-origin may-get-long'],
    ['what no origin can continue', { originCan: { start: true, continue: false } }, 'edge cannot-hand-over'],
    [
      'what no origin can continue, with much effort',
      { originCan: { start: true, continue: false }, reasoningEffort: 'high' },
      'origin long-reasoning',
    ],
  ])('%s', (_, { edge, ...change }, expected) => {
    const { route, reason } = decideRoute({ ...FACTS, ...change, edge: { ...EDGE, ...edge } })
    expect(`${route} ${reason}`).toBe(expected)
  })
})

describe('routeWish', () => {
  test.each<[string, string | null, object]>([
    ['m', null, { model: 'm', wish: undefined }],
    ['m:edge', null, { model: 'm', wish: 'edge' }],
    ['org/m:origin', null, { model: 'org/m', wish: 'origin' }],
    ['m:edge', 'origin', { model: 'm', wish: 'edge' }],
    ['m', 'origin', { model: 'm', wish: 'origin' }],
    ['m', 'auto', { model: 'm', wish: undefined }],
    ['m:other', 'edge', { model: 'm:other', wish: 'edge' }],
  ])('%s, header %s', (model, header, expected) => {
    expect(routeWish(model, header)).toEqual(expected)
  })

  test('no other header is a route', () => {
    expect(() => routeWish('m', 'https://evil.example')).toThrow(RouteWishError)
  })
})
