import { createHash } from 'node:crypto'
import parsePrometheusTextFormat from 'parse-prometheus-text-format'
import { afterEach, describe, expect, it } from 'vitest'
import { startScriptedOrigin } from '../../../test/origins/origin-app.ts'
import { allEvents, HELLO } from '../../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../../test/support/fake-model.ts'
import { GenerationQueue } from '../../generate/queue.ts'
import { EdgeService } from '../../route/open-service.ts'
import { createApp } from '../app.ts'

const SECRET_TEXT = 'What only the two of us know'
/** Long enough for an origin to take over. */
const LONG = 'and on at the origin, '.repeat(40)
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const KEYS = JSON.stringify([
  { name: 'alice', sha256: sha256('key-of-alice') },
  { name: 'prometheus', sha256: sha256('key-of-prometheus'), metrics: true },
])

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => void (await Promise.all(stops.splice(0).map((stop) => stop()))))

async function watchedApp(env: Record<string, unknown> = {}) {
  const origin = await startScriptedOrigin(LONG)
  stops.push(() => origin.stop())
  const queue = new GenerationQueue()
  const origins = [{ name: 'gpu', kind: 'vllm', model: 'm', url: origin.url }]
  const service = new EdgeService({ ORIGINS: JSON.stringify(origins), ...env }, queue)
  const lines: Record<string, unknown>[] = []
  const app = createApp({
    model: async () => fakeChat(new FakeModel(LONG)),
    health: () => ({
      status: 'ok',
      tokensComputed: 7,
      reused: { sequences: 3, tokens: 39 },
      ...service.health(),
    }),
    service: (chat) => service.open(chat.tokenizer),
    access: { apiKeys: KEYS },
    log: (entry) => lines.push(entry as Record<string, unknown>),
  })
  const send = (
    path: string,
    body?: object,
    headers: Record<string, string> = { Authorization: 'Bearer key-of-alice' },
  ) =>
    Promise.resolve(
      app.request(path, {
        method: body ? 'POST' : 'GET',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: body && JSON.stringify(body),
      }),
    )
  const samples = async (name: string) => {
    const scrape = await send('/metrics', undefined, { Authorization: 'Bearer key-of-prometheus' })
    const families = parsePrometheusTextFormat(await scrape.text())
    return families.find((family) => family.name === name)?.metrics ?? []
  }
  const sampleOf = async (name: string, labels?: Record<string, string>) =>
    Number((await samples(name)).find((sample) => JSON.stringify(sample.labels) === JSON.stringify(labels))?.value)
  return { send, samples, sampleOf, lines }
}

const chat = (fields: object = {}) => ({ ...HELLO, messages: [{ role: 'user', content: SECRET_TEXT }], ...fields })

describe('the metrics', () => {
  it('count requests, answers and tokens by who made them, and measure what was waited for', async () => {
    const { send, samples, sampleOf } = await watchedApp({ EDGE_BUDGET_TOKENS: 5 })
    const whole = (await (await send('/v1/chat/completions', chat())).json()) as {
      usage: { prompt_tokens: number; nanbeige: { edge_tokens: number; origin_tokens: number } }
    }
    const { prompt_tokens, nanbeige } = whole.usage
    expect(nanbeige.edge_tokens * nanbeige.origin_tokens).toBeGreaterThan(0)
    await allEvents(await send('/v1/chat/completions', chat({ stream: true })))
    await send('/v1/chat/completions', {})
    await send('/v1/models', undefined, {})
    const requests = (status: string, key = 'alice') =>
      sampleOf('nanbeige_requests_total', { path: 'POST /v1/chat/completions', status, key })
    expect([await requests('200'), await requests('400')]).toEqual([2, 1])
    // Nobody, as far as is known.
    expect(await sampleOf('nanbeige_requests_total', { path: 'GET /v1/models', status: '401', key: 'none' })).toBe(1)
    expect(await sampleOf('nanbeige_answers_total', { route: 'edge-then-origin', reason: 'may-get-long' })).toBe(2)
    expect(await sampleOf('nanbeige_tokens_total', { source: 'prompt' })).toBe(2 * prompt_tokens)
    const made =
      (await sampleOf('nanbeige_tokens_total', { source: 'edge' })) +
      (await sampleOf('nanbeige_tokens_total', { source: 'origin' }))
    expect(made).toBe(2 * (nanbeige.edge_tokens + nanbeige.origin_tokens))
    expect(await sampleOf('nanbeige_moves_total', { event: 'handover' })).toBe(2)
    const [first] = await samples('nanbeige_time_to_first_token_seconds')
    const [between] = await samples('nanbeige_time_between_tokens_seconds')
    expect(Number(first.count)).toBe(2)
    expect(Number(between.count)).toBe(made - 2)
    expect(first.buckets).toMatchObject({ '+Inf': '2' })
  })

  it('tell how the server is: its queue, its cache and its origins', async () => {
    const { send, sampleOf } = await watchedApp()
    await (await send('/v1/chat/completions', chat({ model: 'fake-model:origin' }))).text()
    const readings = [
      'up',
      'answers_going',
      'queue_running',
      'queue_waiting',
      'edge_tokens_computed_total',
      'cache_hits_total',
      'cache_tokens_total',
    ]
    expect(await Promise.all(readings.map((name) => sampleOf(`nanbeige_${name}`)))).toEqual([1, 0, 0, 0, 7, 3, 39])
    const circuit = (state: string) => sampleOf('nanbeige_origin_circuit', { origin: 'gpu', state })
    expect([await circuit('closed'), await circuit('open'), await circuit('half-open')]).toEqual([1, 0, 0])
    expect(await sampleOf('nanbeige_origin_requests_total', { origin: 'gpu', outcome: 'completed' })).toBe(1)
    expect(await sampleOf('nanbeige_origin_tokens_total', { origin: 'gpu' })).toBeGreaterThan(0)
  })

  it('are told to the keys that may read them', async () => {
    const { send } = await watchedApp()
    const scrape = (key: string) => send('/metrics', undefined, { Authorization: `Bearer ${key}` })
    expect((await send('/metrics', undefined, {})).status).toBe(401)
    expect((await scrape('key-of-prometheus')).headers.get('Content-Type')).toBe(
      'text/plain; version=0.0.4; charset=utf-8',
    )
    const refused = await scrape('key-of-alice')
    expect(refused.status).toBe(403)
    const { error } = (await refused.json()) as { error: { code: string; message: string } }
    expect(error.code).toBe('metrics_not_allowed')
    expect(error.message).toContain('"metrics": true')
  })

  it.for<[string, object, number]>([
    ['this machine without keys', { access: 'loopback' }, 200],
    ['strangers', { access: 'public' }, 403],
  ])('are told, or not, to %s', async ([, access, status]) => {
    const app = createApp({ model: async () => fakeChat(new FakeModel('Hi')), health: () => ({}), access })
    expect((await app.request('http://localhost/metrics')).status).toBe(status)
  })
})

describe('the log has one line a request', () => {
  it('of names, counts and times, at the end of an answer', async () => {
    const { send, lines } = await watchedApp({ EDGE_BUDGET_TOKENS: 5 })
    const response = await send('/v1/chat/completions', chat({ stream: true }))
    expect(lines).toEqual([])
    await allEvents(response)
    expect(lines).toEqual([
      {
        event: 'request',
        id: response.headers.get('X-Request-Id'),
        key: 'alice',
        method: 'POST',
        path: '/v1/chat/completions',
        status: 200,
        route: 'edge-then-origin',
        reason: 'may-get-long',
        promptTokens: expect.any(Number),
        edgeTokens: expect.any(Number),
        originTokens: expect.any(Number),
        firstTokenMs: expect.any(Number),
        ms: expect.any(Number),
      },
    ])
  })

  it('with what is wrong, and by the path that the API has', async () => {
    const { send, lines } = await watchedApp()
    await send('/v1/chat/completions', chat({ max_tokens: 0 }))
    await send('/v1/messages', chat())
    await send(`/v1/models/${encodeURIComponent(SECRET_TEXT)}`)
    await send('/v1/chat/completions', chat(), { Authorization: 'Bearer key-of-nobody' })
    await send(`/${encodeURIComponent(SECRET_TEXT)}`)
    await send('/healthz')
    expect(lines.map(({ path, status, code, key }) => [path, status, code, key])).toEqual([
      ['/v1/chat/completions', 400, 'invalid_value', 'alice'],
      ['/v1/messages', 400, 'invalid_value', 'alice'],
      ['/v1/models/:id{.+}', 404, 'model_not_found', 'alice'],
      ['/v1/chat/completions', 401, 'invalid_api_key', 'none'],
      ['none', 404, 'unknown_url', 'none'],
    ])
  })

  it('with why an answer ended in its middle, and never with what was said', async () => {
    const { send, lines } = await watchedApp()
    const response = await send('/v1/chat/completions', chat({ stream: true }))
    const id = /"id":"([^"]+)"/.exec(new TextDecoder().decode((await readSome(response)).value))![1]
    await send(`/v1/chat/completions/${id}/cancel`, {})
    await expect
      .poll(() => lines.find(({ path }) => path === '/v1/chat/completions'))
      .toMatchObject({ code: 'cancelled', status: 200 })
    await (await send('/v1/responses', { input: SECRET_TEXT })).text()
    expect(lines.length).toBe(3)
    const written = JSON.stringify(lines)
    for (const text of [SECRET_TEXT, 'only the two', 'at the origin', 'key-of-alice'])
      expect(written).not.toContain(text)
  })

  async function readSome(response: Response) {
    const reader = response.body!.getReader()
    try {
      for (;;) {
        const step = await reader.read()
        if (new TextDecoder().decode(step.value).includes('"id"')) return step
      }
    } finally {
      reader.releaseLock()
    }
  }
})
