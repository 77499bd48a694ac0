import { createHash } from 'node:crypto'
import { sign } from 'hono/jwt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { allEvents, HELLO } from '../../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../../test/support/fake-model.ts'
import { memorySql } from '../../../test/support/memory-sql.ts'
import { createApp } from '../app.ts'
import type { Sql } from '../responses/store.ts'

const SITE = 'https://shop.example'
const keyEntry = (name: string, limits: object = {}) => ({
  name,
  sha256: createHash('sha256').update(name).digest('hex'),
  ...limits,
})

function appWith({ keys = [keyEntry('alice')], sql = memorySql() }: { keys?: object[]; sql?: Sql } = {}) {
  const chat = fakeChat(new FakeModel('Hello there, dear visitor!'))
  const access = { apiKeys: JSON.stringify(keys), allowedOrigins: `${SITE}, https://blog.example`, sql }
  return createApp({ model: async () => chat, health: () => ({ status: 'ok', all: 1 }), access })
}

type App = ReturnType<typeof appWith>

const send = (app: App, path: string, body: object | undefined, key: string, headers: Record<string, string> = {}) =>
  Promise.resolve(
    app.request(path, {
      method: body ? 'POST' : 'GET',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}`, ...headers },
      body: body && JSON.stringify(body),
    }),
  )

async function tokenOf(app: App, fields: object = {}, key = 'alice'): Promise<string> {
  const response = await send(app, '/v1/widget-tokens', { site: SITE, ...fields }, key)
  return ((await response.json()) as { token: string }).token
}

const fromSite = { Origin: SITE }
const chat = (app: App, token: string, headers: Record<string, string> = fromSite, fields: object = {}) =>
  send(app, '/v1/chat/completions', { ...HELLO, ...fields }, token, headers)
const codeOf = async (response: Response) => [
  response.status,
  response.ok ? 'ok' : ((await response.json()) as { error: { code: string } }).error.code,
]

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 26, 12) }))
afterEach(() => void vi.useRealTimers())

describe("a widget's token", () => {
  it('is made with a key, and lets the pages of its site chat', async () => {
    const app = appWith()
    const response = await send(app, '/v1/widget-tokens', { site: SITE, seconds: 60, tokens: 1000 }, 'alice')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    const made = (await response.json()) as { token: string }
    const expires_at = Date.UTC(2026, 10, 26, 12, 1) / 1000
    const token = expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]{43}$/)
    expect(made).toEqual({ object: 'widget.token', token, site: SITE, expires_at, requests: 60, tokens: 1000 })
    const answer = await chat(app, made.token)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(SITE)
    expect(answer.headers.get('x-ratelimit-limit-tokens')).toBe('1000')
    expect(answer.headers.get('x-ratelimit-remaining-requests')).toBe('59')
    expect((await send(app, '/v1/models', undefined, made.token, fromSite)).status).toBe(200)
  })

  it('is for no other site, and for no program that says nothing of one', async () => {
    const app = appWith()
    const token = await tokenOf(app)
    expect(await codeOf(await chat(app, token, { Origin: 'https://blog.example' }))).toEqual([403, 'wrong_site'])
    expect(await codeOf(await chat(app, token, { Origin: 'https://other.example' }))).toEqual([
      403,
      'origin_not_allowed',
    ])
    expect(await codeOf(await chat(app, token, {}))).toEqual([403, 'wrong_site'])
    expect(await codeOf(await chat(app, token, { 'Sec-Fetch-Site': 'same-origin' }))).toEqual([403, 'wrong_site'])
  })

  it('is for chats: it makes no tokens, and reads neither what is stored nor how the server is', async () => {
    const app = appWith()
    const token = await tokenOf(app)
    for (const path of [
      '/v1/widget-tokens',
      '/v1/responses',
      '/v1/completions',
      '/tokenize',
      '/v1/chat/completions2',
    ]) {
      expect(await codeOf(await send(app, path, { ...HELLO, site: SITE }, token, fromSite))).toEqual([
        403,
        'key_needed',
      ])
    }
    expect(await (await send(app, '/healthz', undefined, token, fromSite)).json()).toEqual({ status: 'ok' })
  })

  it('has its time', async () => {
    const app = appWith()
    const token = await tokenOf(app, { seconds: 10 })
    vi.setSystemTime(Date.now() + 9000)
    expect((await chat(app, token)).status).toBe(200)
    vi.setSystemTime(Date.now() + 1000)
    expect(await codeOf(await chat(app, token))).toEqual([401, 'invalid_api_key'])
  })

  it('has limits of its own, which the next token begins anew, beside those of its key', async () => {
    const app = appWith({ keys: [keyEntry('alice', { requestsPerMinute: 6 })] })
    const token = await tokenOf(app, { requests: 2 })
    expect([(await chat(app, token)).status, (await chat(app, token)).status]).toEqual([200, 200])
    const spent = await chat(app, token)
    expect(spent.headers.get('x-should-retry')).toBe('false')
    expect(await codeOf(spent)).toEqual([429, 'widget_token_spent'])
    const next = await tokenOf(app, { requests: 2 })
    expect([(await chat(app, next)).status, (await chat(app, next)).status]).toEqual([200, 200])
    expect(await codeOf(await send(app, '/v1/widget-tokens', { site: SITE }, 'alice'))).toEqual([
      429,
      'rate_limit_exceeded',
    ])
  })

  it('ends an answer where its tokens do, with an error event', async () => {
    const app = appWith()
    const { usage } = (await (await send(app, '/v1/chat/completions', HELLO, 'alice')).json()) as {
      usage: { prompt_tokens: number }
    }
    const token = await tokenOf(app, { tokens: usage.prompt_tokens + 4 })
    const events = await allEvents(await chat(app, token, fromSite, { stream: true }))
    expect(JSON.parse(events.at(-1)!)).toMatchObject({ error: { code: 'widget_token_spent' } })
    expect(await codeOf(await chat(app, token))).toEqual([429, 'widget_token_spent'])
  })

  it('outlasts the memory of the server, and ends with its key', async () => {
    const sql = memorySql()
    const token = await tokenOf(appWith({ sql }))
    const answer = await chat(appWith({ sql }), token)
    expect(answer.status).toBe(200)
    await answer.text()
    expect((await chat(appWith({ sql }), token)).headers.get('x-ratelimit-remaining-requests')).toBe('58')
    expect(await codeOf(await chat(appWith(), token))).toEqual([401, 'invalid_api_key'])
    expect(await codeOf(await chat(appWith({ sql, keys: [keyEntry('bob')] }), token))).toEqual([401, 'invalid_api_key'])
  })

  it('is not what somebody else signed, or nobody', async () => {
    const app = appWith()
    const right = JSON.parse(atob((await tokenOf(app)).split('.')[1]))
    const unsigned = `${btoa('{"alg":"none","typ":"JWT"}')}.${btoa(JSON.stringify(right))}.`.replaceAll('=', '')
    const wrong = [unsigned, `${unsigned}${'A'.repeat(43)}`]
    for (const secret of ['', 'secret', 'alice', keyEntry('alice').sha256])
      wrong.push(await sign(right, secret || ' ', 'HS256'))
    for (const token of wrong) expect(await codeOf(await chat(app, token))).toEqual([401, 'invalid_api_key'])
  })

  it.for<[string, object, string]>([
    ['that may not ask', { site: 'https://other.example' }, 'site_not_allowed'],
    ['that is none', { site: 'shop.example' }, 'site_not_allowed'],
    ['of ours for ever', { site: SITE, seconds: 1e9 }, 'invalid_value'],
    ['of ours without a request', { site: SITE, requests: 0 }, 'invalid_value'],
  ])('is not made for a site %s', async ([, body, code]) => {
    expect(await codeOf(await send(appWith(), '/v1/widget-tokens', body, 'alice'))).toEqual([400, code])
  })
})
