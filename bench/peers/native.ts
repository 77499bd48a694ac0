// Prints the throughput of native llama.cpp on one CPU thread as JSON:
//
//   npx node bench/peers/native.ts path/to/model.gguf

import type { Token } from 'node-llama-cpp'
import { median } from '../support/median.ts'
import { openLlama } from './llama.ts'
import { standardWorkload, type Throughput, type Workload } from './workload.ts'

/** Runs the workload on native llama.cpp (node-llama-cpp's prebuilt binary), one CPU thread. */
export async function measureNative(modelPath: string, workload: Workload): Promise<Throughput> {
  const prompt = workload.prompt as Token[]
  const prefill = workload.prefill as Token[]
  const contextSize = Math.max(prefill.length, prompt.length + workload.decodeTokens)
  const { version, sequence, dispose } = await openLlama(modelPath, contextSize)
  const decodeRates: number[] = []
  const prefillRates: number[] = []
  let tokens: number[] = []
  try {
    for (let run = 0; run < workload.runs; run++) {
      await sequence.clearHistory()
      let started = performance.now()
      await sequence.evaluateWithoutGeneratingNewTokens(prefill)
      prefillRates.push((1000 * prefill.length) / (performance.now() - started))

      await sequence.clearHistory()
      tokens = []
      for await (const token of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        if (tokens.length === 0) started = performance.now()
        tokens.push(token)
        if (tokens.length === workload.decodeTokens) break
      }
      decodeRates.push((1000 * (tokens.length - 1)) / (performance.now() - started))
    }
  } finally {
    await dispose()
  }
  return {
    engine: 'llama.cpp, native',
    version,
    decodeTokensPerSecond: median(decodeRates),
    prefillTokensPerSecond: median(prefillRates),
    tokens,
  }
}

if (import.meta.main)
  console.log(JSON.stringify(await measureNative(process.argv[2], await standardWorkload()), null, 2))
