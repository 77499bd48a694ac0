// An answer of free letters up to '!', and then of a grammar: `{`, twenty of a and b, `}`.
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { GREEDY } from '../../test/origins/collect.ts'
import { PROMPT, tokenizer } from '../../test/origins/letters-model.ts'
import { EOS_ID } from '../../test/support/fake-model.ts'
import type { GenerateEnd, Steering } from '../generate/types.ts'
import type { ContinueRequest } from '../origin/continue-request.ts'
import { AllOriginsFailedError, OriginError } from '../origin/errors.ts'
import { History, type HistoryToken } from '../origin/history.ts'
import type { OpenGrammar } from '../origin/open-grammar.ts'
import { type AnswerSteering, handover } from './handover.ts'
import { isNotice, type SourcedToken } from './source.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const LETTERS = [...'{}ab!'].map((letter) => letter.charCodeAt(0))
const LENGTH = 20

/** What may follow, and EOS where the text may end. */
function heldTo(text: string): number[] {
  if (text === '') return [LETTERS[0]]
  if (text.length <= LENGTH) return LETTERS.slice(2, 4)
  return text.endsWith('}') ? [EOS_ID] : [LETTERS[1]]
}

/** One of the allowed ids by a hash of all ids before, so that a lost or doubled token shows. */
function choose(ids: readonly number[], allowed: readonly number[], salt: number): number {
  const hash = [...ids, salt].reduce((sum, id) => (Math.imul(sum ^ id, 0x01000193) ^ (sum >>> 15)) >>> 0, 0x811c9dc5)
  return allowed[(hash >>> 7) % allowed.length]
}

class Held implements AnswerSteering {
  readonly grammarTags = ['!']
  #text = ''
  #open: OpenGrammar | undefined

  push(token: HistoryToken): void {
    this.#text += 'id' in token ? String.fromCharCode(token.id) : token.text
    if (!this.#open && this.#text.includes('!')) {
      const held = () => this.#text.slice(this.#text.indexOf('!') + 1)
      this.#open = {
        rest: held,
        allows: (id) => heldTo(held()).includes(id),
        get mayEnd() {
          return heldTo(held()).includes(EOS_ID)
        },
      }
    }
  }

  grammar = () => this.#open
  forced = () => []
  banned = () => []
  ended = () => this.#open?.mayEnd ?? false
  allowed = () => {
    const ids = this.#open && heldTo(this.#open.rest('xgrammar')!)
    return (
      ids &&
      Uint32Array.from({ length: 9 }, (_, word) =>
        ids.filter((id) => id >>> 5 === word).reduce((bits, id) => bits | (1 << (id & 31)), 0),
      )
    )
  }
}

const EDGE = 1
const ORIGIN = 2

interface Plan {
  readonly firstTokenMs: number
  readonly failsAfter?: number
}

interface World {
  readonly edgeMs: number
  readonly plans: readonly Plan[]
  readonly budgetTokens: number
  readonly start: 'edge' | 'origin'
  /** Origins that take no grammar. */
  readonly plain?: boolean
  /** Letters of a piece that an origin sends, without ids; left out: it sends ids. */
  readonly pieces?: number
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function answer({ edgeMs, plans, budgetTokens, start, plain = false, pieces }: World) {
  const steering = new Held()
  const requests: (string | undefined)[] = []

  async function* edge(history: History, max: number, signal: AbortSignal, { allowed, ended }: Steering = steering) {
    const ids = history.ids()
    for (let made = 0; made < max; made++) {
      if (ended?.()) return 'eos' as const
      await sleep(edgeMs)
      if (signal.aborted) return 'aborted' as const
      const mask = allowed?.()
      const id = choose(ids, mask ? LETTERS.filter((each) => mask[each >>> 5] & (1 << (each & 31))) : LETTERS, EDGE)
      ids.push(id)
      yield { id, logprobs: undefined }
    }
    return 'length' as const
  }

  async function* continueAtOrigin(request: ContinueRequest): AsyncGenerator<HistoryToken, GenerateEnd> {
    const { firstTokenMs, failsAfter } = plans[Math.min(requests.length, plans.length - 1)]
    let held = request.grammar?.rest('xgrammar')
    requests.push(held)
    if (request.grammar && plain) throw new AllOriginsFailedError([new OriginError('a', 'unsupported', 'no.')])
    await sleep(firstTokenMs)
    const ids = request.history.ids()
    let piece = ''
    for (let made = 0; made < request.maxTokens; made++) {
      if (request.signal.aborted) return 'aborted'
      if (made === failsAfter) throw new AllOriginsFailedError([new OriginError('a', 'grammar_broken', 'odd.')])
      const id = choose(ids, held === undefined ? LETTERS : heldTo(held), ORIGIN)
      if (id === EOS_ID) {
        if (piece) yield { text: piece, count: piece.length }
        return 'eos'
      }
      ids.push(id)
      if (held !== undefined) held += String.fromCharCode(id)
      if (!pieces) yield { id, logprobs: undefined }
      else piece += String.fromCharCode(id)
      if (piece.length === pieces) {
        yield { text: piece, count: piece.length }
        piece = ''
      }
      await sleep(10)
    }
    return 'length'
  }

  const unsupported = ({ grammar }: { grammar: boolean }) => (grammar && plain ? 'no grammars.' : undefined)
  const stream = handover({
    origins: { continueAtOrigin, available: true, firstTokenMs: 300, takeTextOnly: pieces !== undefined, unsupported },
    start,
    reason: 'may-get-long',
    edge,
    budget: { tokens: budgetTokens, msPerToken: Number.POSITIVE_INFINITY },
    request: {
      history: new History(tokenizer, PROMPT),
      maxTokens: 400,
      sampling: GREEDY,
      eosIds: [EOS_ID],
      stopRules: { minTokens: 0, ignoreEos: false, stopTokenIds: [] },
      topLogprobs: undefined,
      signal: new AbortController().signal,
    },
    steering,
    log: () => {},
  })
  const tokens: SourcedToken[] = []
  let end: GenerateEnd | undefined
  const reading = (async () => {
    for (let step = await stream.next(); ; step = await stream.next()) {
      if (step.done) {
        end = step.value
        return
      }
      if (isNotice(step.value)) continue
      tokens.push(step.value)
      steering.push(step.value)
    }
  })()
  while (end === undefined) await vi.advanceTimersByTimeAsync(10)
  await reading
  return { tokens, end, requests }
}

/** Every token is what its source answers to exactly the tokens before it, held to what is open there. */
function expectExact(tokens: readonly SourcedToken[], end: GenerateEnd | undefined): string {
  const ids = [...PROMPT.ids]
  let text = ''
  for (const token of tokens) {
    for (const id of 'id' in token ? [token.id] : tokenizer.encode(token.text)) {
      const at = text.indexOf('!')
      const allowed = at < 0 ? LETTERS : heldTo(text.slice(at + 1))
      expect(id).toBe(choose(ids, allowed, token.source === 'edge' ? EDGE : ORIGIN))
      ids.push(id)
      text += String.fromCharCode(id)
    }
  }
  expect([end, text]).toEqual(['eos', expect.stringMatching(/^[{}ab]*!\{[ab]{20}\}$/)])
  return text
}

const plan = fc.record({ firstTokenMs: fc.nat(3000), failsAfter: fc.option(fc.nat(30), { nil: undefined }) })

test('is held to its grammar wherever it moves, and every token is that of its source', async () => {
  let insideGrammar = 0
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        edgeMs: fc.integer({ min: 1, max: 300 }),
        plans: fc.array(plan, { minLength: 1, maxLength: 4 }),
        budgetTokens: fc.integer({ min: 1, max: 60 }),
        start: fc.constantFrom('edge' as const, 'origin' as const),
        pieces: fc.constantFrom(undefined, undefined, 1, 3),
      }),
      async (world) => {
        const { tokens, end } = await answer(world)
        const text = expectExact(tokens, end)
        if (world.pieces) return
        const after = tokens.slice(text.indexOf('!') + 1)
        insideGrammar += after.filter(({ source }, index) => index > 0 && source !== after[index - 1].source).length
      },
    ),
    { seed: 2, numRuns: 300 },
  )
  expect(insideGrammar).toBeGreaterThan(50)
})

test('an origin that takes no grammar reasons, and the edge answers', async () => {
  const { tokens, end, requests } = await answer({
    ...{ edgeMs: 50, plans: [{ firstTokenMs: 50 }], budgetTokens: 1, start: 'origin', plain: true },
  })
  const text = expectExact(tokens, end)
  expect(tokens.map(({ source }) => source)).toEqual(
    [...text].map((_, index) => (index <= text.indexOf('!') ? 'origin' : 'edge')),
  )
  expect(requests).toEqual([undefined])
})

test('an origin is asked for the rest of a grammar that the edge began, from exactly there', async () => {
  const { tokens, end, requests } = await answer({
    ...{ edgeMs: 50, plans: [{ firstTokenMs: 50 }], budgetTokens: 12, start: 'edge' },
  })
  const text = expectExact(tokens, end)
  const moved = tokens.findIndex(({ source }) => source === 'origin')
  expect(requests.at(-1)).toBe(text.slice(text.indexOf('!') + 1, Math.max(moved, text.indexOf('!') + 1)))
})
