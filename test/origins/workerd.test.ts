import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { startMiniflare } from '../../src/serve/start-miniflare.ts'
import { EOS_ID } from '../support/fake-model.ts'
import { bundleOriginsWorker } from './bundle.ts'
import { startFakeOrigin } from './fake-origin.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { continuation, nextLetter, PROMPT, tokenizer } from './letters-model.ts'

// The pool, its circuit breakers, timers and streams as they run in a Worker.
let script: string
beforeAll(async () => {
  script = await bundleOriginsWorker()
})

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

async function start(change: (url: string) => object = () => ({})) {
  const origin = await startFakeOrigin({ kind: 'vllm', model: 'letters', tokenizer, next: nextLetter, eosId: EOS_ID })
  const proxy = await startFaultProxy(origin.url)
  const timers = { connectMs: 2000, firstTokenMs: 2000, idleMs: 200 }
  const config = { name: 'a', kind: 'vllm', url: proxy.url, model: 'letters', keySecret: 'KEY', timers }
  const worker = startMiniflare({
    modules: true,
    script,
    compatibilityDate: '2026-04-01',
    compatibilityFlags: ['nodejs_compat'],
    durableObjects: { POOL: 'Pool' },
    bindings: { ORIGINS: JSON.stringify([{ ...config, ...change(proxy.url) }]), KEY: 'the-secret-key' },
  })
  stops.push(
    () => worker.dispose(),
    () => proxy.stop(),
    () => origin.stop(),
  )
  const get = async (path: string) => (await worker.dispatchFetch(`http://localhost${path}`)).json()
  return {
    origin,
    proxy,
    answer: () => get('/answer') as Promise<{ ids: number[]; end: unknown }>,
    leave: () => get('/leave'),
    health: () => get('/health') as Promise<{ origins: object[]; lines: object[] }>,
  }
}

const EXPECTED = { ids: continuation(PROMPT.ids, 50), end: 'length' }

test('an answer, with the key for its origin', async () => {
  const { answer, health, origin } = await start()
  expect(await answer()).toEqual(EXPECTED)
  expect(new Set(origin.authorizations)).toEqual(new Set(['Bearer the-secret-key']))
  const report = await health()
  expect(report.origins[0]).toMatchObject({ circuit: 'closed', mode: 'ids', completed: 1 })
  expect(JSON.stringify(report)).not.toContain('the-secret-key')
})

test.each([
  { kind: 'refuse' },
  { kind: 'status', status: 503 },
  { kind: 'cut', atByte: 900 },
  { kind: 'end', atByte: 900 },
  { kind: 'stall', atByte: 900 },
  { kind: 'garbage', atByte: 900, bytes: Uint8Array.of(0, 255, 10, 13, 65) },
] as const)('$kind: the answer goes on', async (fault) => {
  const { answer, health, proxy } = await start()
  proxy.inject(fault)
  expect(await answer()).toEqual(EXPECTED)
  expect((await health()).origins[0]).toMatchObject({ failed: 1, completed: 1 })
})

test('a redirect is not followed', async () => {
  const { answer, proxy } = await start()
  const other = await start()
  proxy.inject({ kind: 'status', status: 308, headers: { Location: `${other.proxy.url}/v1/completions` } })
  expect((await answer()).end).toEqual(['redirected'])
  expect(other.origin.authorizations).toEqual([])
})

test('no TLS, and no origin at all', async () => {
  const tls = await start((url) => ({ url: url.replace('http:', 'https:') }))
  // workerd does not tell the Worker why.
  expect((await tls.answer()).end).toEqual(['unreachable', 'unreachable'])
  const gone = await start()
  await gone.proxy.stop()
  stops.splice(-2, 1)
  expect((await gone.answer()).end).toEqual(['unreachable', 'unreachable'])
})

test('the circuit opens, and says so', async () => {
  const { answer, health, proxy } = await start()
  proxy.inject(...Array.from({ length: 5 }, () => ({ kind: 'status', status: 500 }) as const))
  for (let i = 0; i < 3; i++) await answer()
  expect(proxy.requests.length).toBe(3)
  const { origins, lines } = await health()
  expect(origins[0]).toMatchObject({ circuit: 'open', lastFailure: 'server_error' })
  expect(lines).toContainEqual(expect.objectContaining({ event: 'origin_circuit', to: 'open' }))
})

test('a reader that leaves stops the origin', async () => {
  const { leave, origin } = await start()
  await leave()
  await vi.waitFor(async () => {
    const { made } = origin
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(origin.made).toBe(made)
  })
  expect(origin.made).toBeLessThan(3000)
})
