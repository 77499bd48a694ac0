import { describe, expect, test } from 'vitest'
import type { OriginKind } from '../../../src/origin/clients/kinds.ts'
import { type App, allEvents, HELLO, post } from '../../support/fake-app.ts'
import { ByteTokenizer, FakeModel } from '../../support/fake-model.ts'
import { LettersLanguage, likeliest } from '../../support/letters-language.ts'
import { nextLetter } from '../letters-model.ts'
import { originApp } from '../origin-app.ts'
import { ask, eachTest } from './each-test.ts'

const { originOf } = eachTest()
const tokenizer = new ByteTokenizer()

function complete(app: App, body: object): Promise<Response> {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
  return Promise.resolve(app.request('/v1/completions', init))
}

describe('several answers from an origin', () => {
  test('are requests of their own, with seeds of their own, no more than six at a time', async () => {
    let open = 0
    let most = 0
    const beforeToken = async () => {
      most = Math.max(most, ++open)
      await new Promise((resolve) => setTimeout(resolve, 5))
      open--
    }
    const origin = await originOf('Yes.', { beforeToken })
    const app = originApp({ model: new FakeModel('No.'), origins: [{ url: origin.url }] })
    const { route, choices, usage } = await ask(app, { n: 8, seed: 5, temperature: 1 })
    expect(route).toBe('origin; reason=several-answers')
    expect(choices.map(({ message }) => message.content)).toEqual(Array(8).fill('Yes.'))
    expect(usage).toMatchObject({ completion_tokens: 32, nanbeige: { edge_tokens: 0, origin_tokens: 32 } })
    const seeds = origin.bodies.map(({ seed }) => seed)
    expect([seeds[0], new Set(seeds).size]).toEqual([5, 8])
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(6)
  })

  test('are streamed as they come', async () => {
    const { url } = await originOf('Yes.')
    const app = originApp({ model: new FakeModel('No.'), origins: [{ url }] })
    const events = await allEvents(await post(app, { ...HELLO, n: 3, stream: true }))
    expect(events.pop()).toBe('[DONE]')
    const choices = events.flatMap((data) => JSON.parse(data).choices)
    for (const index of [0, 1, 2]) {
      const own = choices.filter((choice) => choice.index === index)
      expect(own[0].delta.role).toBe('assistant')
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe('Yes.')
      expect(own.at(-1).finish_reason).toBe('stop')
    }
  })

  test('go on at the edge, one by one, where the origin fails', async () => {
    const { url } = await originOf('', { beforeToken: () => Promise.reject(new Error('gone')) })
    const model = new FakeModel('Yes.')
    const { status, choices, usage } = await ask(originApp({ model, origins: [{ url }] }), { n: 3 })
    expect([status, choices.map(({ message }) => message.content)]).toEqual([200, ['Yes.', 'Yes.', 'Yes.']])
    expect(usage.nanbeige).toMatchObject({ edge_tokens: 12, origin_tokens: 0 })
    expect(model.released).toBe(model.sequences)
  })

  test('that are short come from the edge', async () => {
    const { url } = await originOf('Yes.')
    const app = originApp({ model: new FakeModel('No.'), origins: [{ url }] })
    expect((await ask(app, { n: 4, max_tokens: 64 })).route).toBe('edge; reason=short-answer')
    expect((await ask(app, { n: 5, max_tokens: 64 })).route).toBe('origin; reason=several-answers')
  })

  test('that are stopped stop them all', async () => {
    const origin = await originOf('x'.repeat(4000), { beforeToken: () => new Promise((done) => setTimeout(done, 2)) })
    const app = originApp({ model: new FakeModel('No.'), origins: [{ url: origin.url }] })
    const reader = (await post(app, { ...HELLO, n: 3, stream: true })).body!.getReader()
    while (origin.made < 30) await reader.read()
    await reader.cancel()
    await expect
      .poll(async () => {
        const before = origin.made
        await new Promise((resolve) => setTimeout(resolve, 50))
        return origin.made - before
      })
      .toBe(0)
  })
})

describe('completions from an origin', () => {
  const ORIGIN = { model: 'fake-model:origin', temperature: 0 }

  test.each<OriginKind>(['vllm', 'sglang', 'llama-server', 'openai'])('%s goes on with the text', async (kind) => {
    const origin = await originOf('', { kind, next: nextLetter })
    const app = originApp({ model: new LettersLanguage(), origins: [{ url: origin.url, kind }] })
    const response = await complete(app, { ...ORIGIN, prompt: ['Once ', '<think>é'], max_tokens: 8 })
    expect(response.headers.get('x-nanbeige-route')).toBe('origin; reason=asked-for')
    const { choices } = (await response.json()) as { choices: { text: string }[] }
    // Of a character that is not whole yet an origin that writes text says nothing.
    const whole = (text: string) => text.replace('\ufffd', '')
    const expected = [likeliest('Once ', 8), likeliest('<think>é', 8)]
    expect(choices.map(({ text }) => whole(text))).toEqual(expected.map(whole))
  })

  test("come from the edge where the prompt's own logprobs are asked for", async () => {
    const { url } = await originOf('', { next: nextLetter })
    const app = originApp({ model: new LettersLanguage(), origins: [{ url }] })
    const response = await complete(app, { ...ORIGIN, prompt: 'ab', echo: true, logprobs: 1, max_tokens: 2 })
    expect(response.headers.get('x-nanbeige-route')).toBe('edge; reason=origin-cannot')
    const { choices } = (await response.json()) as { choices: { text: string }[] }
    expect(choices[0].text).toBe(`ab${likeliest('ab', 2)}`)
  })
})

describe('when an answer ends', () => {
  const RULES = { min_tokens: 20, ignore_eos: true, stop_token_ids: [120, 121] }

  test('an origin that can is told', async () => {
    for (const kind of ['vllm', 'sglang'] as const) {
      const origin = await originOf('abc', { kind })
      const app = originApp({ model: new FakeModel('No.'), origins: [{ url: origin.url, kind }] })
      const { route } = await ask(app, { ...RULES, model: 'fake-model:origin' })
      expect(route).toBe('origin; reason=asked-for')
      const { min_tokens, ...rules } = RULES
      expect(kind === 'vllm' ? origin.bodies[0] : origin.bodies[0].sampling_params).toMatchObject({
        ...rules,
        [kind === 'vllm' ? 'min_tokens' : 'min_new_tokens']: min_tokens,
      })
    }
  })

  test('one that goes on is told how many tokens are left', async () => {
    const origin = await originOf('x'.repeat(400))
    const app = originApp({
      model: new FakeModel('x'.repeat(400)),
      origins: [{ url: origin.url }],
      env: { EDGE_BUDGET_TOKENS: 20 },
    })
    const { usage } = await ask(app, { min_tokens: 300, max_tokens: 350 })
    const { edge_tokens, origin_tokens } = usage.nanbeige
    expect(edge_tokens + origin_tokens).toBe(350)
    expect(origin.bodies.at(-1)!.min_tokens).toBe(300 - edge_tokens)
    const { route } = await ask(app, { model: 'fake-model:origin', min_tokens: 300, max_tokens: 5 })
    expect([route, origin.bodies.at(-1)!.min_tokens]).toEqual(['origin; reason=asked-for', 5])
  })

  test.each(['llama-server', 'openai'] as const)('%s is asked for stop tokens only where it can', async (kind) => {
    const origin = await originOf('abcx', { kind })
    const app = originApp({ model: new FakeModel('abcx'), origins: [{ url: origin.url, kind }] })
    const body = { model: 'fake-model:origin' }
    for (const rules of [{ min_tokens: 2 }, { ignore_eos: true, max_tokens: 9 }]) {
      expect((await ask(app, { ...body, ...rules })).route).toBe('edge; reason=origin-cannot')
    }
    const stops = await ask(app, { ...body, stop_token_ids: tokenizer.encode('c') })
    const route = kind === 'openai' ? 'edge; reason=origin-cannot' : 'origin; reason=asked-for'
    expect([stops.route, stops.choices[0]]).toMatchObject([
      route,
      { message: { content: 'ab' }, finish_reason: 'stop' },
    ])
  })
})
