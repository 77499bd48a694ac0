import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningWorker } from '../../../src/serve/start-worker.ts'
import { fakeApp } from '../../support/fake-app.ts'
import { fakeChat } from '../../support/fake-model.ts'
import { type ListeningApp, listen } from '../../support/listen.ts'
import { startServer } from '../../support/server.ts'
import { scan } from './canary.ts'
import type { Client, Feature, Target } from './client.ts'
import { FEATURES } from './client.ts'
import { CLIENTS } from './clients.ts'
import { page } from './page.ts'
import { weatherModel } from './scripted-model.ts'

// Clients as people use them, over sockets: what each can do, and why not. docs/clients.md is what comes of it.

const MODEL = 'smollm2-135m-instruct'
/** What the embedded model cannot be relied on for: it does not think, nor call a tool when it should. */
const SCRIPTED: readonly Feature[] = ['tool loop', 'reasoning']
/** Between two looks at a model that must stand still. */
const STILL_MS = 500

let worker: RunningWorker
let scripted: ListeningApp
beforeAll(async () => {
  worker = await startServer()
  scripted = await listen(fakeApp(fakeChat(weatherModel())))
})
afterAll(async () => {
  await scripted?.stop()
  await worker?.stop()
})

const results = new Map<Client, Map<Feature, string>>()

describe.each(CLIENTS.map((client) => ({ client, ...client })))('$name', ({ client, installed, lacks }) => {
  const running: { client?: ReturnType<Client['start']> } = {}
  beforeAll(() => {
    if (!installed) return
    running.client = client.start()
    results.set(client, new Map())
  })
  afterAll(() => running.client?.stop())

  test.skipIf(!installed).each(FEATURES.filter((feature) => !(feature in lacks)))('%s', async (feature) => {
    const target: Target = SCRIPTED.includes(feature)
      ? { url: `${scripted.url}/v1`, model: 'fake-model' }
      : { url: `${worker.url}/v1`, model: MODEL }
    const why = await running.client!.cells[feature]!(target).then(
      () => (feature === 'hang up' ? stillComputing(worker) : undefined),
      (error: Error) => (error.name === 'Error' ? error.message : String(error)),
    )
    results.get(client)!.set(feature, why ?? 'works')
    expect(why).toBeUndefined()
  })
})

const probes = new Map<string, string>()

test('compatcanary', async () => {
  for (const { name, status, summary } of await scan({ url: `${worker.url}/v1`, model: MODEL })) {
    probes.set(name, status === 'pass' ? 'works' : summary)
  }
  expect([...probes.values()].filter((found) => found !== 'works')).toEqual([])
}, 300_000)

test.skipIf(CLIENTS.some(({ installed }) => !installed))('docs/clients.md says what works', async () => {
  await expect(page(CLIENTS, results, probes)).toMatchFileSnapshot('../../../docs/clients.md')
})

/** Why a client has not stopped the answer that it left. */
async function stillComputing({ url }: RunningWorker): Promise<string | undefined> {
  const computed = async () =>
    ((await (await fetch(`${url}/healthz`)).json()) as { tokensComputed: number }).tokensComputed
  for (let before = await computed(), looks = 0; looks < 10; looks++) {
    await setTimeout(STILL_MS)
    const now = await computed()
    if (now === before) return undefined
    before = now
  }
  return 'the model goes on without it'
}
