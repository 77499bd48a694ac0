import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { allEvents, fakeApp, HELLO, post } from '../../support/fake-app.ts'
import { FakeModel, fakeChat } from '../../support/fake-model.ts'
import { startFaultProxy } from '../fault-proxy.ts'
import { originApp } from '../origin-app.ts'
import { ask, eachTest, LENGTH, LONG, message, thoughts } from './each-test.ts'

const { lines, originOf, stops } = eachTest()

const NOWHERE = 'http://127.0.0.1:1'

describe('origins that fail', () => {
  const thinker = (_: string, answer: string) => {
    const end = answer.indexOf('</think>\n\n')
    return end < 0 ? `<think>\n${thoughts(200)}` : `${answer.slice(0, end)}</think>\n\nYes.`
  }

  test.each([
    ['none is configured', [], 'edge; reason=no-origin'],
    ['the only one is not there', [{ url: NOWHERE }], 'edge-then-origin; reason=may-get-long'],
  ])('%s: the edge closes the reasoning and answers', async (_, origins, expected) => {
    const env = { EDGE_BUDGET_TOKENS: 20, EDGE_REASONING_TOKENS: 50 }
    const { choices, usage, route } = await ask(originApp({ model: new FakeModel(thinker), origins, env }))
    expect([choices[0].message.content, choices[0].finish_reason, route]).toEqual(['Yes.', 'stop', expected])
    expect(usage.nanbeige.origin_tokens).toBe(0)
    expect(usage.completion_tokens_details.reasoning_tokens).toBeLessThan(20 + 50 + 10)
  })

  test('a context too small for the thoughts still gets an answer', async () => {
    const app = originApp({ model: new FakeModel(thinker, 200), origins: [], env: {} })
    for (const change of [{}, { reasoning_effort: 'high' }]) {
      expect(message(await ask(app, change))).toMatchObject({ content: 'Yes.', finish_reason: 'stop' })
    }
  })

  test('in mid-stream: the edge goes on from there', async () => {
    const origin = await originOf(LONG, { beforeToken: () => setTimeout(1) })
    const proxy = await startFaultProxy(origin.url)
    stops.push(() => proxy.stop())
    // /v1/models, the probes of the tokenizer, then the answer.
    const app = originApp({
      model: new FakeModel(LONG),
      origins: [{ url: proxy.url }],
      env: { EDGE_BUDGET_TOKENS: 2000 },
    })
    const warm = await ask(app, { model: 'fake-model:origin', max_tokens: 1 })
    expect(warm.usage.nanbeige.origin_tokens).toBe(1)
    proxy.inject(...Array.from({ length: 4 }, (_, index) => ({ kind: 'cut', atByte: 2000 + index * 700 }) as const))
    const alone = await ask(fakeApp(fakeChat(new FakeModel(LONG))))
    const { usage, ...rest } = await ask(app, { model: 'fake-model:origin' })
    expect(message({ usage, ...rest })).toEqual(message(alone))
    expect(usage.completion_tokens).toBe(alone.usage.completion_tokens)
    expect(usage.nanbeige.edge_tokens + usage.nanbeige.origin_tokens).toBe(LENGTH)
  })

  test('what only an origin can hold is a 502, or the last event of a stream', async () => {
    const origin = await originOf('Yes.')
    const app = originApp({ model: new FakeModel('Yes.', 100), origins: [{ url: origin.url }] })
    const body = { messages: [{ role: 'user', content: 'x'.repeat(500) }] }
    const served = await ask(app, body)
    expect([served.route, served.choices[0].message.content]).toEqual(['origin; reason=prompt-exceeds-edge', 'Yes.'])
    await stops.pop()!()
    expect(await ask(app, body)).toMatchObject({ status: 502, error: { code: 'origins_failed', type: 'server_error' } })
    const other = originApp({ model: new FakeModel('Yes.', 100), origins: [{ url: origin.url }] })
    const events = await allEvents(await post(other, { ...HELLO, ...body, stream: true }))
    expect(JSON.parse(events.at(-1)!)).toMatchObject({ error: { code: 'origins_failed' } })
    // With an open circuit this is known before the response begins.
    expect(await (await app.request('/healthz')).json()).toMatchObject({ origins: [{ circuit: 'open' }] })
    const refused = await post(app, { ...HELLO, ...body, stream: true })
    expect([refused.status, await refused.json()]).toMatchObject([502, { error: { code: 'origins_failed' } }])
    expect((await ask(app)).route).toBe('edge; reason=origins-down')
  })

  const REPEATS: [string, (response: ServerResponse, words: string) => unknown][] = [
    ['a refusal', (response, words) => response.writeHead(500).end(words)],
    [
      'a stream',
      (response, words) =>
        response
          .writeHead(200, { 'Content-Type': 'text/event-stream' })
          .end(`data: ${JSON.stringify({ error: { message: words, code: 500 } })}\n\n`),
    ],
  ]

  test.each(REPEATS)('are in /healthz with their changes, and in the log, without the key in %s', async (_, repeat) => {
    const key = 'sk-a-very-secret-key'
    const server = createServer((request, response) => {
      if (request.url === '/v1/models') return response.end('{"data":[{"id":"m"}]}')
      if (request.url === '/tokenize') return response.writeHead(404).end()
      repeat(response, `You sent ${request.headers.authorization}.`)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stops.push(() => new Promise((resolve) => server.close(() => resolve())))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const errors = vi.spyOn(console, 'error').mockReturnValue()
    const app = originApp({
      model: new FakeModel('Yes.', 100),
      origins: [{ url, keySecret: 'THE_KEY' }],
      env: { THE_KEY: key },
    })
    const long = { ...HELLO, messages: [{ role: 'user', content: 'x'.repeat(500) }], model: 'fake-model:origin' }
    const answers: string[] = []
    for (let i = 0; i < 4; i++) {
      for (const stream of [true, false]) answers.push(await (await post(app, { ...long, stream })).text())
    }
    const health = await (await app.request('/healthz')).text()
    expect(JSON.parse(health)).toMatchObject({
      waiting: 0,
      origins: [
        {
          name: 'origin-0',
          circuit: 'open',
          lastFailure: 'server_error',
          changes: expect.arrayContaining([
            { at: expect.any(String), event: 'origin_circuit', from: 'closed', to: 'open', cause: 'server_error' },
          ]),
        },
      ],
    })
    expect(lines.join()).toContain('[secret]')
    expect([...answers, health, ...lines, JSON.stringify(errors.mock.calls)].join()).not.toContain(key)
  })

  test('with another tokenizer are given text, which /healthz says', async () => {
    const { url } = await originOf('Yes.', { tokenize: () => [1, 2, 3] })
    const app = originApp({ model: new FakeModel('Yes.'), origins: [{ url }] })
    expect(message(await ask(app, { model: 'fake-model:origin' }))).toMatchObject({ content: 'Yes.' })
    expect(await (await app.request('/healthz')).json()).toMatchObject({
      origins: [
        { mode: 'text', warning: expect.stringContaining('tokenizer'), changes: [{ event: 'origin_text_mode' }] },
      ],
    })
  })
})
