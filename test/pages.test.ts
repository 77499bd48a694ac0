import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningWorker, startWorker } from '../src/serve/start-worker.ts'

// Behind the asset server that wrangler brings along, which is that of Cloudflare.
let server: RunningWorker
beforeAll(async () => {
  server = await startWorker({ port: 0, vars: { ALLOWED_ORIGINS: 'https://shop.example' } })
})
afterAll(() => server?.stop())

/** The path as it is written: fetch would normalize it. */
async function get(path: string, method = 'GET', headers: Record<string, string> = {}) {
  const { port } = new URL(server.url)
  const sent = request({ host: '127.0.0.1', port, path, method, headers: { Host: `localhost:${port}`, ...headers } })
  sent.end()
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject),
  )
  return { status: response.statusCode!, headers: response.headers, body: await text(response) }
}

const PACK = 'smollm2-135m-instruct'

describe('weights', () => {
  it.for([
    `/weights/${PACK}/manifest.json`,
    `//weights/${PACK}/manifest.json`,
    `/%77eights/${PACK}/manifest.json`,
    `/%2577eights/${PACK}/manifest.json`,
    `/weights%2f${PACK}%2fmanifest.json`,
    `/./weights/${PACK}/manifest.json`,
    `/x/..%2fweights/${PACK}/manifest.json`,
    `/x/../weights/${PACK}/manifest.json`,
    `/weights\\${PACK}\\manifest.json`,
    `/WEIGHTS/${PACK}/manifest.json`,
    `/weights/${PACK}/manifest.json/`,
    `/weights/${PACK}/manifest`,
  ])('are not served as %s', async (path) => {
    for (const method of ['GET', 'HEAD', 'POST']) {
      const { status, body } = await get(path, method)
      expect([307, 308, 404]).toContain(status)
      expect(body).not.toContain('tensors')
    }
  })
})

describe('without keys', () => {
  it.for<[string, string, Record<string, string>]>([
    ['by a name of another site', '/metrics', {}],
    ['by such a name in the URL', 'http://localhost/metrics', {}],
    [
      'by such a name, and the header that Miniflare takes the URL from',
      '/',
      { 'MF-Original-URL': 'http://localhost/metrics' },
    ],
    [
      'by such a name, and what proxies say',
      '/metrics',
      { 'X-Forwarded-Host': 'localhost', 'X-Forwarded-For': '127.0.0.1' },
    ],
  ])('nothing is told to who asks %s', async ([, path, headers]) => {
    const { status, body } = await get(path, 'GET', { Host: 'rebound.example:8787', ...headers })
    expect([status, JSON.parse(body)]).toMatchObject([403, { error: { code: 'host_not_allowed' } }])
  })
})

describe('the page', () => {
  it('runs its own script only, and shows in frames of sites that may ask', async () => {
    const { status, headers, body } = await get('/')
    expect([status, body]).toEqual([200, expect.stringContaining('nanbeige-chat')])
    expect(headers['content-security-policy']).toMatch(/default-src 'none'; script-src 'self';/)
    expect(headers['content-security-policy']).toMatch(/frame-ancestors 'self' https:\/\/shop\.example$/)
    expect(headers['x-content-type-options']).toBe('nosniff')
  })

  it('tells the API to programs and to people, without a script', async () => {
    const { status, headers, body } = await get('/openapi.json')
    expect([status, headers['content-type']]).toEqual([200, expect.stringContaining('application/json')])
    expect(JSON.parse(body)).toMatchObject({ openapi: '3.1.1', paths: { '/v1/chat/completions': {} } })
    const docs = await get('/docs')
    expect([docs.status, docs.body]).toEqual([200, expect.stringContaining('/v1/chat/completions')])
    expect(docs.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'unsafe-inline';.*frame-ancestors 'self'/,
    )
    expect(docs.body).not.toContain('<script')
  })

  it('leaves its script to other sites, and the rest to the API', async () => {
    const widget = await get('/widget.js')
    expect([widget.status, widget.headers['access-control-allow-origin']]).toEqual([200, '*'])
    const none = await get('/none')
    expect([none.status, JSON.parse(none.body)]).toMatchObject([404, { error: { code: 'unknown_url' } }])
    expect((await get('/healthz/')).status).toBe(200)
  })
})
