import { median } from './median.ts'

const RUNS = 3

/** The same work for every engine (peers/workload.ts). */
export interface Workload {
  readonly prompt: readonly number[]
  readonly decodeTokens: number
  readonly prefill: readonly number[]
}

/** Where the model runs. */
export interface ModelBench {
  prefill(tokens: readonly number[]): Promise<unknown>
  /** Token ids as they are made. */
  generate(prompt: readonly number[], tokens: number): AsyncIterable<unknown>
}

export interface Throughput {
  readonly decodeTokensPerSecond: number
  readonly prefillTokensPerSecond: number
}

/** Decode and prefill speed, medians over the runs. The first token comes from the prompt's own pass and is not timed. */
export async function measureModel(bench: ModelBench, workload: Workload): Promise<Throughput> {
  const decode: number[] = []
  const prefill: number[] = []
  for (let run = 0; run < RUNS; run++) {
    let started = performance.now()
    await bench.prefill(workload.prefill)
    prefill.push((1000 * workload.prefill.length) / (performance.now() - started))
    let count = 0
    for await (const _ of bench.generate(workload.prompt, workload.decodeTokens))
      if (count++ === 0) started = performance.now()
    decode.push((1000 * (count - 1)) / (performance.now() - started))
  }
  return { decodeTokensPerSecond: median(decode), prefillTokensPerSecond: median(prefill) }
}
