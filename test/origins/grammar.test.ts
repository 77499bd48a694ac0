// Origins that are held to a grammar, over real sockets: what they are sent, and what of theirs is taken.
import { afterEach, describe, expect, test } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { History, type HistoryToken } from '../../src/origin/history.ts'
import type { OpenGrammar } from '../../src/origin/open-grammar.ts'
import { openOrigins } from '../../src/origin/origins.ts'
import { EOS_ID } from '../support/fake-model.ts'
import { type Collected, collect, configs, requestOf } from './collect.ts'
import { type FakeOrigin, startFakeOrigin } from './fake-origin.ts'
import { PROMPT, tokenizer } from './letters-model.ts'

const started: FakeOrigin[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((origin) => origin.stop()))
})

/** An origin that says `says` after the prompt, and then ends. */
async function origin(kind: OriginKind, says: string): Promise<FakeOrigin> {
  const all = [...PROMPT.ids, ...tokenizer.encode(says), EOS_ID]
  const next = (ids: readonly number[]) => all[ids.length] ?? EOS_ID
  const made = await startFakeOrigin({ kind, model: 'letters', tokenizer, next, eosId: EOS_ID })
  started.push(made)
  return made
}

/** A text in brackets of letters up to z, as its consumer follows it. */
class Brackets implements OpenGrammar {
  text = ''

  rest(): string {
    return `root ::= rest-of-${this.text.length}`
  }

  allows(id: number): boolean {
    const character = String.fromCharCode(id)
    if (this.text === '') return character === '['
    return !this.mayEnd && /[a-z\]]/.test(character)
  }

  get mayEnd(): boolean {
    return this.text.endsWith(']')
  }
}

async function answer(origins: readonly { kind: OriginKind; says: string }[]) {
  const servers = await Promise.all(origins.map(({ kind, says }) => origin(kind, says)))
  const log: Record<string, unknown>[] = []
  const pool = await openOrigins(
    configs(...servers.map(({ url }, order) => ({ url, order, kind: origins[order].kind }))),
    { tokenizer, log: (entry) => log.push(entry), random: createRandom(0) },
  )
  const grammar = new Brackets()
  const stream = pool.continueAtOrigin(requestOf({ grammar }))
  async function* followed(): AsyncGenerator<HistoryToken, string> {
    for (let step = await stream.next(); ; step = await stream.next()) {
      if (step.done) return step.value
      if ('id' in step.value) grammar.text += String.fromCharCode(step.value.id)
      yield step.value
    }
  }
  const got: Collected = await collect(followed())
  return { servers, log, got, text: grammar.text, pool }
}

interface Body {
  readonly structured_outputs?: { readonly grammar: string }
  readonly sampling_params?: { readonly ebnf?: string }
  readonly grammar?: string
}

const FIELDS: [OriginKind, (body: Body) => string | undefined][] = [
  ['vllm', (body) => body.structured_outputs?.grammar],
  ['sglang', (body) => body.sampling_params?.ebnf],
  ['llama-server', (body) => body.grammar],
]

describe.each(FIELDS)('%s', (kind, field) => {
  test('is sent the grammar of all that may follow', async () => {
    const { servers, got, text } = await answer([{ kind, says: '[abc]' }])
    expect([text, got.end]).toEqual(['[abc]', 'eos'])
    expect(servers[0].bodies.map(field)).toEqual(['root ::= rest-of-0'])
  })

  test('a token that the grammar does not allow is refused, and another origin goes on from the last valid one', async () => {
    const { servers, got, text, log } = await answer([
      { kind, says: '[ab-c]' },
      { kind, says: '[abcd]' },
    ])
    expect([text, got.end]).toEqual(['[abcd]', 'eos'])
    expect(servers[1].bodies.map(field)).toEqual(['root ::= rest-of-3'])
    expect(servers[1].bodies[0].prompt ?? servers[1].bodies[0].input_ids).toEqual([
      ...PROMPT.ids,
      ...tokenizer.encode('[ab'),
    ])
    expect(log).toContainEqual(expect.objectContaining({ event: 'origin_failed', code: 'grammar_broken' }))
  })

  test('an end where the grammar goes on is none', async () => {
    const { got, text, pool } = await answer([{ kind, says: '[ab' }])
    expect([text, got.end]).toEqual(['[ab', ['grammar_broken']])
    expect(pool.health()[0].circuit).toBe('closed')
  })

  test('without a grammar none is sent', async () => {
    const server = await origin(kind, 'ab')
    const pool = await openOrigins(configs({ url: server.url, kind }), { tokenizer, log: () => {} })
    await collect(pool.continueAtOrigin(requestOf({ history: new History(tokenizer, PROMPT) })))
    expect(JSON.stringify(server.bodies)).not.toMatch(/grammar|structured|ebnf/)
  })
})

test('an origin that takes text is not asked', async () => {
  const { servers, got, pool } = await answer([{ kind: 'openai', says: '[ab]' }])
  expect(got.end).toEqual(['unsupported'])
  expect(servers[0].bodies).toEqual([])
  const { sampling, stopRules, topLogprobs } = requestOf()
  expect(pool.unsupported({ sampling, stopRules, topLogprobs, begun: false, grammar: true, hasText: true })).toContain(
    'text only',
  )
})
