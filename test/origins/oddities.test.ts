import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMiniflare } from '../../src/serve/start-miniflare.ts'
import { type Answered, answerOnce, type OnceRequest } from './answer-once.ts'
import { bundleOriginsWorker } from './bundle.ts'
import { ODDITIES } from './oddities.ts'
import { ANSWER, KEY, KINDS, LENGTH, outcomeOf } from './oddity.ts'
import { playOddity } from './play-oddity.ts'

/** Of a body without an end, what may have gone out before the client closed it: buffers of both sides. */
const MAX_SENT = 32 * 1024 * 1024
const TEXT = new TextDecoder().decode(Uint8Array.from(ANSWER))

let worker: ReturnType<typeof startMiniflare>
beforeAll(async () => {
  worker = startMiniflare({
    modules: true,
    script: await bundleOriginsWorker(),
    compatibilityDate: '2026-04-01',
    compatibilityFlags: ['nodejs_compat'],
    durableObjects: { POOL: 'Pool' },
  })
})
afterAll(() => worker.dispose())

const RUNTIMES: Record<string, (request: OnceRequest) => Promise<Answered>> = {
  Node: answerOnce,
  workerd: async (request) => {
    const response = await worker.dispatchFetch('http://localhost/once', {
      method: 'POST',
      body: JSON.stringify(request),
    })
    return (await response.json()) as Answered
  },
}

describe.each(Object.keys(RUNTIMES))('%s', (runtime) => {
  describe.each(KINDS)('%s', (kind) => {
    const rows = ODDITIES.filter(({ kinds }) => !kinds || kinds.includes(kind))
    test.concurrent.each(rows.map((row) => [row.name, row] as const))('%s', async (_, row) => {
      const outcome = outcomeOf(row, kind)
      const { got, lines, health, failures, wasPlayed, sent } = await playOddity(kind, row, RUNTIMES[runtime])
      expect(wasPlayed).toBe(true)
      expect(failures.map(({ code }) => code)).toEqual(outcome === 'whole' ? [] : [outcome])
      if (row.says) expect(failures[0].message).toContain(row.says)

      const text = kind === 'openai' ? got.text : new TextDecoder().decode(Uint8Array.from(got.ids))
      expect([text, typeof got.end]).toEqual([TEXT, 'string'])
      if (kind !== 'openai') expect(got.ids).toEqual(ANSWER)
      // Servers count the end token.
      expect(got.count).toBeLessThanOrEqual(LENGTH + 1)
      expect(sent).toBeLessThan(MAX_SENT)
      const told = JSON.stringify([lines, health])
      for (const part of [KEY.slice(3, 11), KEY.slice(-8)]) expect(told).not.toContain(part)
    })
  })
})
