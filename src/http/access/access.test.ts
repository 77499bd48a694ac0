import { describe, expect, it } from 'vitest'
import { HELLO } from '../../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../../test/support/fake-model.ts'
import { createApp } from '../app.ts'
import type { AccessSettings } from './access.ts'
import { STRANGER_LIMITS } from './limits.ts'

interface Asked {
  readonly url?: string
  readonly headers?: Record<string, string>
  /** What Cloudflare says of a request. */
  readonly cf?: object
}

function appFor(access: AccessSettings | undefined) {
  const app = createApp({
    model: async () => fakeChat(new FakeModel('Hi')),
    health: () => ({ status: 'ok', all: 1 }),
    access,
  })
  const send = (
    { url = 'http://localhost:8787/v1/chat/completions', headers = {}, cf }: Asked,
    method: string,
    body?: string,
  ) =>
    Promise.resolve(
      app.request(
        Object.assign(
          new Request(url, { method, headers: { 'Content-Type': 'application/json', ...headers }, body }),
          cf && { cf },
        ),
      ),
    )
  return {
    post: (asked: Asked = {}) => send(asked, 'POST', JSON.stringify(HELLO)),
    get: (asked: Asked) => send(asked, 'GET'),
    preflight: (origin: string, headers: Record<string, string> = {}) =>
      send({ headers: { Origin: origin, 'Access-Control-Request-Method': 'POST', ...headers } }, 'OPTIONS'),
  }
}

const codeOf = async (response: Response) => [
  response.status,
  response.ok ? 'ok' : ((await response.json()) as { error: { code: string } }).error.code,
]
const LOOPBACK = { access: 'loopback' }
const KEYS = JSON.stringify([
  { name: 'one', sha256: '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b' },
]) // of "secret"

describe('a server of this machine without keys', () => {
  const { post, get, preflight } = appFor(LOOPBACK)

  it.for([
    'http://localhost:8787',
    'http://127.0.0.1:1',
    'http://127.8.8.8',
    'http://[::1]:8787',
    'http://chat.localhost',
  ])('answers at %s', async (origin) => {
    expect((await post({ url: `${origin}/v1/chat/completions` })).status).toBe(200)
  })

  it.for([
    // Names that a site can have resolve to 127.0.0.1, with pages of the same origin.
    'http://rebound.example:8787',
    'http://localhost.example',
    'http://127.0.0.1.example',
    'http://192.168.0.2:8787',
    'http://0.0.0.0:8787',
  ])('does not answer by the name of %s', async (origin) => {
    const url = `${origin}/v1/chat/completions`
    expect(await codeOf(await post({ url }))).toEqual([403, 'host_not_allowed'])
    const own = { Origin: origin, 'Sec-Fetch-Site': 'same-origin' }
    expect(await codeOf(await post({ url, headers: own }))).toEqual([403, 'host_not_allowed'])
  })

  it.for(['rebound.example:8787', '[::ffff:127.0.0.1]', 'localhost.', 'localhost.example', '0.0.0.0', 'a b', ''])(
    'does not answer whoever wrote the Host %s, whatever the URL became',
    async (named) => {
      expect(await codeOf(await post({ headers: { Host: named } }))).toEqual([403, 'host_not_allowed'])
    },
  )

  it.for<[string, Record<string, string>, number]>([
    ['its own page', { Origin: 'http://localhost:8787', 'Sec-Fetch-Site': 'same-origin' }, 200],
    ['a page of a server beside it', { Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'same-site' }, 200],
    ['no page', {}, 200],
    ['an address that a user typed', { 'Sec-Fetch-Site': 'none' }, 200],
    ['a foreign page', { Origin: 'https://foreign.example', 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a foreign page in an old browser', { Origin: 'https://foreign.example' }, 403],
    ['a foreign form without Origin', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a frame without an origin', { Origin: 'null', 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a page whose name looks like ours', { Origin: 'http://localhost.example' }, 403],
    ['garbage', { Origin: 'garbage' }, 403],
  ])('asked by %s', async ([, headers, status]) => {
    const response = await post({ headers })
    expect(response.status).toBe(status)
    if (status === 403) {
      expect(await response.json()).toMatchObject({ error: { code: 'origin_not_allowed' } })
      expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
      expect(await (await get({ url: 'http://localhost/healthz', headers })).json()).toEqual({ status: 'ok' })
    }
  })

  it('tells browsers which pages may ask, and which of the internet may ask at home', async () => {
    const asks = { 'Access-Control-Request-Private-Network': 'true' }
    const foreign = await preflight('https://foreign.example', asks)
    expect(foreign.headers.get('Access-Control-Allow-Origin')).toBeNull()
    expect(foreign.headers.get('Access-Control-Allow-Private-Network')).toBeNull()
    const beside = await preflight('http://localhost:3000', asks)
    expect(beside.headers.get('Access-Control-Allow-Origin')).toBe('http://localhost:3000')
    expect(beside.headers.get('Access-Control-Allow-Private-Network')).toBe('true')
  })
})

describe('ALLOWED_ORIGINS', () => {
  const allowedOrigins = 'https://shop.example, https://blog.example:8443'

  it('are the sites whose pages may ask, with keys and without', async () => {
    for (const [access, key] of [
      [LOOPBACK, {}],
      [{ apiKeys: KEYS }, { Authorization: 'Bearer secret' }],
    ] as const) {
      const { post, preflight } = appFor({ ...access, allowedOrigins })
      const statusFor = async (origin: string) => (await post({ headers: { Origin: origin, ...key } })).status
      expect(await statusFor('https://shop.example')).toBe(200)
      expect(await statusFor('https://blog.example:8443')).toBe(200)
      for (const other of ['https://blog.example', 'http://shop.example', 'https://a.shop.example', 'null']) {
        expect(await statusFor(other)).toBe(403)
      }
      const allowed = await preflight('https://shop.example')
      expect(allowed.headers.get('Access-Control-Allow-Origin')).toBe('https://shop.example')
      expect(allowed.headers.get('Vary')).toContain('Origin')
      expect((await preflight('https://other.example')).headers.get('Access-Control-Allow-Origin')).toBeNull()
    }
  })

  it('are none where there are keys, not even at this machine', async () => {
    const { post } = appFor({ apiKeys: KEYS, access: 'loopback' })
    expect((await post({ headers: { Origin: 'http://localhost:3000', Authorization: 'Bearer secret' } })).status).toBe(
      403,
    )
    expect((await post({ headers: { Authorization: 'Bearer secret' } })).status).toBe(200)
    expect((await post()).status).toBe(401)
  })

  it('may be all', async () => {
    const { post, preflight } = appFor({ ...LOOPBACK, allowedOrigins: '*' })
    for (const origin of ['https://any.example', 'null']) {
      expect((await post({ headers: { Origin: origin } })).status).toBe(200)
      expect((await preflight(origin)).headers.get('Access-Control-Allow-Origin')).toBe(origin)
    }
  })

  it.for(['shop.example', 'https://shop.example/', 'https://shop.example/chat', 'https://*.example'])(
    'that cannot be used let no page in: %s',
    async (wrong) => {
      const { post } = appFor({ ...LOOPBACK, allowedOrigins: wrong })
      expect(await codeOf(await post({ headers: { Origin: 'https://shop.example' } }))).toEqual([
        503,
        'allowed_origins_invalid',
      ])
    },
  )
})

describe('a server for strangers', () => {
  const from = (address: string): Asked => ({
    url: 'https://edge.example/v1/chat/completions',
    headers: { 'CF-Connecting-IP': address },
    cf: {},
  })
  const most = STRANGER_LIMITS.requestsPerMinute!

  it('has limits for each address', async () => {
    const { post, get } = appFor({ access: 'public' })
    for (let request = 0; request < most; request++) expect((await post(from('203.0.113.1'))).status).toBe(200)
    expect(await codeOf(await post(from('203.0.113.1')))).toEqual([429, 'rate_limit_exceeded'])
    expect((await post(from('203.0.113.2'))).status).toBe(200)
    // As SDKs that must have a key send it.
    expect((await post({ ...from('203.0.113.3'), headers: { Authorization: 'Bearer none' } })).status).toBe(200)
    expect(await (await get({ ...from(''), url: 'https://edge.example/healthz' })).json()).toEqual({ status: 'ok' })
  })

  it.for<[string, object | undefined]>([
    ['public', undefined],
    // Miniflare says that it is Cloudflare.
    ['public-shared', {}],
  ])('takes a client that writes its address itself for no other: %s', async ([access, cf]) => {
    const { post } = appFor({ access })
    const ask = (address: string) => post({ headers: { 'CF-Connecting-IP': address }, cf })
    for (let request = 0; request < most; request++) await ask(`203.0.113.${request}`)
    expect((await ask('203.0.113.99')).status).toBe(429)
  })

  it('knows the holders of keys beside them, and no wrong key', async () => {
    const { post } = appFor({ access: 'public', apiKeys: KEYS })
    for (let request = 0; request <= most; request++) {
      expect((await post({ headers: { Authorization: 'Bearer secret' } })).status).toBe(200)
    }
    expect((await post()).status).toBe(200)
    expect((await post({ headers: { Authorization: 'Bearer wrong' } })).status).toBe(401)
  })
})

it('what cannot be read of the variables is no good health', async () => {
  for (const access of [{ apiKeys: '[' }, { ...LOOPBACK, allowedOrigins: 'shop.example' }]) {
    const { get } = appFor(access)
    const headers = { Origin: 'https://shop.example' }
    expect(await (await get({ url: 'http://localhost/healthz', headers })).json()).toEqual({ status: 'error' })
  }
})

it('an answer is data, which no page shows, frames or runs', async () => {
  const { post } = appFor(LOOPBACK)
  const { headers } = await post()
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  })
})
