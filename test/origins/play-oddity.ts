import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { EOS_ID } from '../support/fake-model.ts'
import type { Answered, OnceRequest } from './answer-once.ts'
import { startFakeOrigin } from './fake-origin.ts'
import { tokenizer } from './letters-model.ts'
import { KEY, next, type Oddity, play, speech } from './oddity.ts'

const TIMERS = { connectMs: 20_000, firstTokenMs: 20_000, idleMs: 20_000 }

export interface Played extends Answered {
  /** What is told of the failures, in order. */
  readonly failures: readonly { readonly code?: string; readonly message?: string }[]
  readonly wasPlayed: boolean
  /** Bytes of the odd reply that were sent. */
  readonly sent: number
}

/** An answer of an origin that plays the oddity once, with another origin behind it, as `ask` gets it. */
export async function playOddity(
  kind: OriginKind,
  { at, reply, timers }: Oddity,
  ask: (request: OnceRequest) => Promise<Answered>,
): Promise<Played> {
  let wasPlayed = false
  let sent = 0
  const usual = { kind, model: 'letters', tokenizer, next, eosId: EOS_ID }
  const odd = await startFakeOrigin({
    ...usual,
    instead(path, _, response) {
      if (wasPlayed || path !== (at ?? '/tokens')) return false
      wasPlayed = true
      play(reply(speech(kind)), response, (bytes) => {
        sent += bytes
      })
      return true
    },
  })
  const other = await startFakeOrigin(usual)
  const base = { kind, model: 'letters' }
  try {
    const answered = await ask({
      origins: [
        { ...base, name: 'odd', url: odd.url, keySecret: 'KEY', timers: { ...TIMERS, ...timers } },
        { ...base, name: 'other', url: other.url, order: 1, timers: TIMERS },
      ],
      secrets: { KEY },
      areChecked: at === undefined,
    })
    const failures = answered.lines.filter(({ event }) => event === 'origin_failed')
    return { ...answered, failures, wasPlayed, sent }
  } finally {
    await Promise.all([odd.stop(), other.stop()])
  }
}
