import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import type { Token } from 'node-llama-cpp'
import { openLlama } from './llama.ts'

/** The first token, which the context's last one gives, is not timed. */
const DECODED = 33
const ids = (count: number) => Array.from({ length: count }, (_, i) => (1000 + 7 * i) as Token)

/**
 * Tokens a second that native llama.cpp decodes behind contexts, on one thread. The longest is computed once, on all cores, and kept in a file
 * that serves all models of the geometry: the speed does not depend on what is in it.
 */
export async function measureDepths(modelPath: string, contexts: readonly number[], file: string): Promise<number[]> {
  if (contexts.length === 0) return []
  const longest = Math.max(...contexts)
  const prompt = ids(longest)
  if (!existsSync(file)) {
    const { sequence, dispose } = await openLlama(modelPath, longest, availableParallelism())
    await sequence.evaluateWithoutGeneratingNewTokens(prompt)
    await sequence.saveStateToFile(`${file}.part`)
    await dispose()
    await rename(`${file}.part`, file)
  }
  const { sequence, dispose } = await openLlama(modelPath, longest + DECODED)
  const rates: number[] = []
  try {
    for (const context of contexts) {
      await sequence.loadStateFromFile(file, { acceptRisk: true })
      await sequence.eraseContextTokenRanges([{ start: context - 1, end: longest }])
      let [count, started] = [0, 0]
      for await (const _ of sequence.evaluate(prompt.slice(context - 1, context), {
        temperature: 0,
        yieldEogToken: true,
      })) {
        if (count++ === 0) started = performance.now()
        if (count === DECODED) break
      }
      rates.push((1000 * (count - 1)) / (performance.now() - started))
    }
  } finally {
    await dispose()
  }
  return rates
}
