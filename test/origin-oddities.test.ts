import { afterEach, describe, expect, test } from 'vitest'
import { createRandom } from '../src/generate/random.ts'
import type { OriginKind } from '../src/origin/origin-config.ts'
import { parseOrigins } from '../src/origin/origin-config.ts'
import { openOrigins } from '../src/origin/origins.ts'
import { EOS_ID } from './fake-model.ts'
import { collect, requestOf } from './origins/collect.ts'
import { startFakeOrigin } from './origins/fake-origin.ts'
import { tokenizer } from './origins/letters-model.ts'
import { ANSWER, KEY, KINDS, LENGTH, next, ODDITIES, type Oddity, play, speech } from './origins/oddities.ts'

/** Of a body without an end, what may have gone out before the client closed it: buffers of both sides. */
const MAX_SENT = 32 * 1024 * 1024
const TIMERS = { connectMs: 20_000, firstTokenMs: 20_000, idleMs: 20_000 }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** An answer of an origin that plays the oddity once, with another origin behind it. */
async function answerOf(kind: OriginKind, { at = '/tokens' as Oddity['at'], reply, timers }: Oddity) {
  let played = false
  let sent = 0
  const usual = { kind, model: 'letters', tokenizer, next, eosId: EOS_ID }
  const odd = await startFakeOrigin({
    ...usual,
    instead(path, _, response) {
      if (played || path !== at) return false
      played = true
      play(reply(speech(kind)), response, (bytes) => {
        sent += bytes
      })
      return true
    },
  })
  const other = await startFakeOrigin(usual)
  stops.push(odd.stop, other.stop)
  const lines: { event: string; code?: string; message?: string }[] = []
  const base = { kind, model: 'letters' }
  const configs = parseOrigins(
    [
      { ...base, name: 'odd', url: odd.url, keySecret: 'KEY', timers: { ...TIMERS, ...timers } },
      { ...base, name: 'other', url: other.url, order: 1, timers: TIMERS },
    ],
    { KEY },
  )
  const origins = await openOrigins(configs, { tokenizer, log: (entry) => lines.push(entry), random: createRandom(1) })
  const got = await collect(origins.continueAtOrigin(requestOf()))
  const text = kind === 'openai' ? got.text : new TextDecoder().decode(Uint8Array.from(got.ids))
  const failures = lines.filter(({ event }) => event === 'origin_failed')
  return { got, text, failures, played, sent, told: JSON.stringify([lines, origins.health()]) }
}

describe.each(KINDS)('%s', (kind) => {
  const rows = ODDITIES.filter(({ kinds }) => !kinds || kinds.includes(kind))
  test.each(rows.map((row) => [row.name, row] as const))('%s', async (_, row) => {
    const outcome = typeof row.outcome === 'string' ? row.outcome : (row.outcome[kind] ?? row.outcome.else)
    const { got, text, failures, played, sent, told } = await answerOf(kind, row)
    expect(played).toBe(true)
    expect(failures.map(({ code }) => code)).toEqual(outcome === 'whole' ? [] : [outcome])
    if (row.says) expect(failures[0].message).toContain(row.says)
    expect([text, typeof got.end]).toEqual([new TextDecoder().decode(Uint8Array.from(ANSWER)), 'string'])
    if (kind !== 'openai') expect(got.ids).toEqual(ANSWER)
    expect(got.count).toBeLessThanOrEqual(LENGTH)
    expect(sent).toBeLessThan(MAX_SENT)
    expect(told).not.toContain(KEY.slice(3, 11))
    expect(told).not.toContain(KEY.slice(-8))
  })
})
