import { setTimeout } from 'node:timers/promises'
import { createRandom } from '../../src/generate/random.ts'
import { median } from '../support/median.ts'
import { ask } from './ask.ts'
import { runtime } from './runtime.ts'

const CLIENTS = 32
/** Share of the requests whose client hangs up, after 0 to 4 seconds. */
const HANG_UPS = 0.4
/** A refused client comes back sooner than it is asked to. */
const IMPATIENT_MS = 2000

/** Streaming clients that ask, some of them hanging up, one request after the other: what comes of it. */
export async function load(url: string, keys: readonly string[], seconds: number) {
  const random = createRandom(1)
  const below = (limit: number) => Math.floor(random() * limit)
  const before = (await runtime()).mib
  const until = performance.now() + seconds * 1000
  const counts = { completed: 0, hungUp: 0, refused: 0, errors: 0 }
  const firsts: number[] = []
  const failures = new Set<string>()
  const tokens = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, index) => {
      let heard = 0
      while (performance.now() < until) {
        const plan = {
          words: [2, 20, 200][below(3)],
          max_tokens: 8 + below(64),
          patience: random() < HANG_UPS ? below(4000) : undefined,
          pause: below(500),
        }
        const messages = [{ role: 'user', content: `${index}: ${'word '.repeat(plan.words)}` }]
        const signal = plan.patience === undefined ? undefined : AbortSignal.timeout(plan.patience)
        const who = { key: keys[index % keys.length], address: `127.0.2.${1 + index}`, signal }
        try {
          const answer = await ask(url, { messages, max_tokens: plan.max_tokens }, { ...who, onToken: () => heard++ })
          if (answer.status === 429) {
            counts.refused++
            await setTimeout(IMPATIENT_MS)
          } else if (answer.whole && !answer.error && answer.times.length > 0) {
            counts.completed++
            firsts.push(answer.times[0])
          } else {
            counts.errors++
            failures.add(answer.error ?? 'no [DONE]')
          }
        } catch (error) {
          if (signal?.aborted) counts.hungUp++
          else {
            counts.errors++
            failures.add(String(error))
          }
        }
        await setTimeout(plan.pause)
      }
      return heard
    }),
  )
  await setTimeout(2000)
  const headers = { Authorization: `Bearer ${keys[0]}` }
  const { running, waiting } = await (await fetch(`${url}/healthz`, { headers })).json()
  return {
    ...counts,
    ...(failures.size > 0 && { failures: [...failures] }),
    'tokens/s': (tokens.reduce((sum, count) => sum + count, 0) / seconds).toFixed(1),
    'tokens of a client': `${Math.min(...tokens)}, ${median(tokens)}, ${Math.max(...tokens)} (least, median, most)`,
    'first token': `${median(firsts).toFixed(0)} ms, at most ${Math.max(...firsts).toFixed(0)}`,
    left: { running, waiting },
    'memory of workerd': `${before} MiB before, ${(await runtime()).mib} after`,
  }
}
