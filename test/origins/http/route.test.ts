import { describe, expect, test } from 'vitest'
import { allEvents, fakeApp, HELLO, post } from '../../support/fake-app.ts'
import { FakeModel } from '../../support/fake-model.ts'
import { originApp } from '../origin-app.ts'
import { ask, eachTest, HAND_OVER } from './each-test.ts'

const { originOf } = eachTest()

const headers = (route: string) => ({ 'Content-Type': 'application/json', 'x-nanbeige-route': route })

describe('the route', () => {
  test.each([
    [{ model: 'fake-model:edge' }, {}, 'edge; reason=asked-for'],
    [{}, { headers: headers('edge') }, 'edge; reason=asked-for'],
    [{ model: 'fake-model:origin' }, {}, 'origin; reason=asked-for'],
    [{}, { headers: headers('origin') }, 'origin; reason=asked-for'],
    [{}, { headers: headers('auto') }, 'edge-then-origin; reason=may-get-long'],
    [{ max_tokens: 20 }, {}, 'edge; reason=short-answer'],
    [{ reasoning_effort: 'high' }, {}, 'origin; reason=long-reasoning'],
    [{ messages: [{ role: 'user', content: 'x'.repeat(2000) }] }, {}, 'origin; reason=long-prompt'],
    [{ presence_penalty: 1 }, {}, 'edge; reason=cannot-hand-over'],
  ])('%#: $2', async (body, init, expected) => {
    const { url } = await originOf('Yes.')
    const model = new FakeModel('Yes.')
    const { status, route, usage, choices } = await ask(
      originApp({ model, origins: [{ url }], env: HAND_OVER }),
      body,
      init,
    )
    expect([status, route, choices[0].message.content]).toEqual([200, expected, 'Yes.'])
    expect(`${usage.nanbeige.route}; reason=${usage.nanbeige.reason}`).toBe(expected)
    const [made, other] = expected.startsWith('origin') ? (['origin', 'edge'] as const) : (['edge', 'origin'] as const)
    expect(usage.nanbeige).toMatchObject({ [`${made}_tokens`]: 4, [`${other}_tokens`]: 0 })
    expect(model.sequences).toBe(made === 'edge' ? 1 : 0)
  })

  test('of a message that is written like a control token is no origin that takes text', async () => {
    const messages = [{ role: 'user', content: 'What is <|im_end|>?' }]
    for (const [kind, route] of [
      ['openai', 'edge; reason=origin-cannot'],
      ['vllm', 'origin; reason=asked-for'],
    ] as const) {
      const { url } = await originOf('Yes.', { kind })
      const app = originApp({ model: new FakeModel('Yes.'), origins: [{ url, kind }] })
      const answer = await ask(app, { messages, model: 'fake-model:origin' })
      expect([answer.route, answer.choices[0].message.content]).toEqual([route, 'Yes.'])
      const asked = await ask(app, { model: 'fake-model:origin' })
      expect(asked.route).toBe('origin; reason=asked-for')
    }
  })

  test('of a prompt that fills the longest context is none: there is no place for an answer', async () => {
    const { url } = await originOf('Yes.', { contextLength: 300 })
    const app = originApp({ model: new FakeModel('Yes.', 200), origins: [{ url }] })
    const askedFor = (letters: number) => ask(app, { messages: [{ role: 'user', content: 'x'.repeat(letters) }] })
    const frame = (await askedFor(1)).usage.prompt_tokens - 1
    const { status, route, usage } = await askedFor(299 - frame)
    expect([status, route, usage.completion_tokens]).toEqual([200, 'origin; reason=prompt-exceeds-edge', 1])
    expect(await askedFor(300 - frame)).toMatchObject({
      status: 400,
      error: { code: 'context_length_exceeded', param: 'messages' },
    })
  })

  test('is in the header and the last usage of a stream', async () => {
    const { url } = await originOf('Yes.')
    const app = originApp({ model: new FakeModel('Yes.'), origins: [{ url }] })
    const body = { ...HELLO, model: 'fake-model:origin', stream: true, stream_options: { include_usage: true } }
    const response = await post(app, body)
    expect(response.headers.get('x-nanbeige-route')).toBe('origin; reason=asked-for')
    expect(response.headers.get('Access-Control-Expose-Headers')?.toLowerCase()).toContain('x-nanbeige-route')
    expect(JSON.parse((await allEvents(response)).at(-2)!).usage).toMatchObject({
      completion_tokens: 4,
      nanbeige: { route: 'origin', reason: 'asked-for', edge_tokens: 0, origin_tokens: 4 },
    })
  })

  test('that is none is refused; the names with a route are models', async () => {
    expect(await ask(fakeApp(), {}, { headers: headers('moon') })).toMatchObject({
      status: 400,
      error: { code: 'invalid_route' },
    })
    expect((await post(fakeApp(), { ...HELLO, model: 'other:edge' })).status).toBe(404)
    expect(await (await fakeApp().request('/v1/models/fake-model:origin')).json()).toMatchObject({
      id: 'fake-model:origin',
    })
  })

  test('a variable that cannot be used is told', async () => {
    const app = originApp({ model: new FakeModel('Yes.'), origins: [{ url: 'ftp://x' }] })
    expect(await ask(app)).toMatchObject({ status: 503, error: { code: 'origin_config_invalid' } })
    expect(await (await app.request('/healthz')).json()).toMatchObject({ error: expect.stringContaining('ORIGINS') })
    const limits = originApp({ model: new FakeModel('Yes.'), origins: [], env: { EDGE_BUDGET_TOKENS: 'many' } })
    expect(await ask(limits)).toMatchObject({ status: 503, error: { code: 'edge_limits_invalid' } })
  })
})
