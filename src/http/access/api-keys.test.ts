import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { FakeModel, fakeChat } from '../../../test/support/fake-model.ts'
import { createApp } from '../app.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const KEYS = JSON.stringify([
  { name: 'one', sha256: sha256('first-key') },
  { name: 'two', sha256: sha256('second-key') },
])

function ask(apiKeys: string | undefined, headers: Record<string, string>, path = '/v1/models', method = 'GET') {
  const app = createApp({
    model: async () => fakeChat(new FakeModel('Hi')),
    health: () => ({ status: 'ok', secret: 1 }),
    access: { apiKeys },
  })
  return app.request(path, { method, headers })
}

describe('API keys', () => {
  it.for<[string, Record<string, string>, number]>([
    ['none', {}, 401],
    ['the first', { Authorization: 'Bearer first-key' }, 200],
    ['the second, in any case of the scheme', { Authorization: 'bearer  second-key ' }, 200],
    ["one as Anthropic's clients send it", { 'x-api-key': 'second-key' }, 200],
    ['a part of one', { Authorization: 'Bearer first-ke' }, 401],
    ['the sha256 of one', { Authorization: `Bearer ${sha256('first-key')}` }, 401],
    ['another scheme', { Authorization: 'Basic first-key' }, 401],
    ['a wrong one beside a right one', { Authorization: 'Bearer no', 'x-api-key': 'first-key' }, 401],
    ['an empty one', { Authorization: 'Bearer ' }, 401],
  ])('with %s', async ([, headers, status]) => {
    const response = await ask(KEYS, headers)
    expect(response.status).toBe(status)
    if (status === 401) {
      expect(response.headers.get('WWW-Authenticate')).toBe('Bearer')
      expect(await response.json()).toMatchObject({ error: { code: 'invalid_api_key', type: 'invalid_request_error' } })
    }
  })

  it('guard every path of the model, whether or not there is anything; not what a browser asks before', async () => {
    for (const path of ['/v1/chat/completions', '/v1/none'])
      expect((await ask(KEYS, {}, path, 'POST')).status).toBe(401)
    const health = async (headers: Record<string, string>) => (await ask(KEYS, headers, '/healthz')).json()
    expect(await health({})).toEqual({ status: 'ok' })
    expect(await health({ Authorization: 'Bearer second-key' })).toEqual({ status: 'ok', secret: 1 })
    const preflight = { Origin: 'https://a.example', 'Access-Control-Request-Method': 'POST' }
    expect((await ask(KEYS, preflight, '/v1/chat/completions', 'OPTIONS')).status).toBe(204)
  })

  it("are asked for by Anthropic's API in its own form", async () => {
    for (const path of ['/v1/messages', '/v1/messages/count_tokens', '/v1/messages/none']) {
      const response = await ask(KEYS, { 'x-api-key': 'wrong' }, path, 'POST')
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
    }
    expect((await ask(KEYS, { 'x-api-key': 'first-key' }, '/v1/messages', 'GET')).status).toBe(405)
  })

  it('let nobody in where there are none and nothing else is said', async () => {
    for (const none of [undefined, '']) {
      const response = await ask(none, { Authorization: 'Bearer first-key' })
      expect(response.status).toBe(401)
      expect(await response.json()).toMatchObject({ error: { code: 'api_keys_missing' } })
    }
  })

  it.for([
    ['no JSON', 'first-key'],
    ['no key', '[]'],
    ['a key itself', '[{"name": "one", "sha256": "first-key"}]'],
    ['an unknown field', `[{"name": "one", "sha256": "${sha256('first-key')}", "limit": 1}]`],
    ['two of one name', JSON.stringify([1, 2].map((n) => ({ name: 'one', sha256: sha256(`${n}`) })))],
    ['without a limit', `[{"name": "one", "sha256": "${sha256('first-key')}", "streams": 0}]`],
  ])('that are %s let nobody in', async ([, variable]) => {
    const response = await ask(variable, { Authorization: 'Bearer first-key' })
    expect(response.status).toBe(503)
    const { error } = (await response.json()) as { error: { code: string; message: string } }
    expect(error).toMatchObject({ code: 'api_keys_invalid', message: expect.stringMatching(/^The variable API_KEYS/) })
    expect(error.message).not.toContain('first-key')
  })
})
