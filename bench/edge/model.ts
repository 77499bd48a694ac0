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

/** Decode and prefill speed of one run. The first token comes from the prompt's own pass and is not timed. */
export async function measureModel(bench: ModelBench, workload: Workload): Promise<Throughput> {
  let started = performance.now()
  await bench.prefill(workload.prefill)
  const prefillSeconds = (performance.now() - started) / 1000
  let count = 0
  for await (const _ of bench.generate(workload.prompt, workload.decodeTokens)) {
    if (count++ === 0) started = performance.now()
  }
  const decodeSeconds = (performance.now() - started) / 1000
  return {
    decodeTokensPerSecond: (count - 1) / decodeSeconds,
    prefillTokensPerSecond: workload.prefill.length / prefillSeconds,
  }
}
