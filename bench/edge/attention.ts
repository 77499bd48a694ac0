import { setImmediate } from 'node:timers/promises'
import { median } from '../support/median.ts'
import { type AttentionRun, AttentionWorkload, MOST_POSITIONS } from './attention-workload.ts'

const RUNS = 200
/** Runs take at most so long for each line. */
const SECONDS = 5
/** Nanbeige4-3B's. */
const LAYERS = 32

/**
 * Milliseconds a token of Nanbeige4-3B's attention alone: the least, which a busy machine hardly changes, and the median. Gigabytes a second are
 * of the cache, at the least time.
 */
export async function measureAttention(
  run: (run: AttentionRun) => Promise<unknown>,
): Promise<Record<string, Record<string, number>>> {
  const table: Record<string, Record<string, number>> = {}
  for (const tokens of [1, 32]) {
    for (const positions of [128, 2048, 8192, MOST_POSITIONS]) {
      const times: number[] = []
      const end = performance.now() + SECONDS * 1000
      // All layers of a token, or one of a chunk.
      const layers = tokens === 1 ? LAYERS : 1
      while (times.length < RUNS && performance.now() < end) {
        // Where runs only compute, nobody else would see meanwhile that workerd has closed an idle socket.
        await setImmediate()
        const started = performance.now()
        await run({ positions, tokens, layers })
        times.push(performance.now() - started)
      }
      const least = Math.min(...times)
      const bytes = layers * AttentionWorkload.cacheBytes(positions)
      const aToken = (milliseconds: number) => Number(((milliseconds * LAYERS) / layers / tokens).toFixed(2))
      table[tokens === 1 ? `decode at ${positions}` : `prefill, ${tokens} tokens up to ${positions}`] = {
        'least ms a token': aToken(least),
        'median ms a token': aToken(median(times)),
        'GB/s': Number((bytes / least / 1e6).toFixed(1)),
      }
    }
  }
  return table
}
