import { readReference } from '../../test/reference/kl.ts'

/** The same work for every engine: decode greedily after a short prompt, and prefill a long one. */
export interface Workload {
  /** Token ids of the prompt to decode after. */
  readonly prompt: readonly number[]
  /** Tokens to generate. The first comes from the prompt's own pass and is not timed. */
  readonly decodeTokens: number
  /** Token ids to prefill in one go. */
  readonly prefill: readonly number[]
  /** Repetitions, of which the median counts. */
  readonly runs: number
}

/** What an engine did of a workload, on one CPU thread. */
export interface Throughput {
  readonly engine: string
  readonly version: string
  /** Medians over the runs. */
  readonly decodeTokensPerSecond: number
  readonly prefillTokensPerSecond: number
  /** Decoding behind long contexts, where that was asked for, in their order. */
  readonly depthTokensPerSecond?: readonly number[]
  /** Decoded ids of the last run, to see that engines do the same work; null where the engine reports none. */
  readonly tokens: readonly number[] | null
}

/** 64 tokens after 16, and 512 tokens at once, taken from the texts of the reference: real text, ids of SmolLM2's vocabulary. */
export async function standardWorkload(): Promise<Workload> {
  const { texts } = await readReference()
  const ids = texts.flatMap((text) => text.tokens)
  return { prompt: ids.slice(0, 16), decodeTokens: 64, prefill: ids.slice(0, 512), runs: 3 }
}

/** The same for engines that take most of a second for a token. Prefill brings them no gain from longer batches. */
export async function shortWorkload(): Promise<Workload> {
  const { prompt, prefill } = await standardWorkload()
  return { prompt, decodeTokens: 16, prefill: prefill.slice(0, 32), runs: 3 }
}
