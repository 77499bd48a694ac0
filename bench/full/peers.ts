import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Throughput } from '../peers/workload.ts'
import { CACHE } from './cache.ts'
import type { ContextLength } from './geometry.ts'
import { progress } from './progress.ts'
import { type GgufTypeName, ggufBytesPerToken, ggufTypeNames, randomGguf } from './random-gguf.ts'
import { spread } from './spread.ts'
import type { Row } from './table.ts'

/** llama.cpp on a random GGUF, one thread, as bench/peers/full-size.ts runs it. */
export interface Peer {
  readonly part: 'native' | 'wllama'
  /** As bench/peers/full-size.ts has it. */
  readonly name: string
  readonly type: GgufTypeName
  /** Rounds to take part in: one takes minutes in the browser. */
  readonly rounds: number
}

const ONE_ROUND = 1

export const peers: readonly Peer[] = [
  ...ggufTypeNames.map((type) => ({ part: 'native' as const, name: 'native', type, rounds: Number.POSITIVE_INFINITY })),
  ...['wllama2', 'wllama3'].flatMap((name) =>
    ggufTypeNames.map((type) => ({ part: 'wllama' as const, name, type, rounds: ONE_ROUND })),
  ),
]

/** The long ones behind which llama.cpp outside of a browser decodes; to compute more takes it a quarter of an hour. */
const depths = (contexts: readonly ContextLength[]) => contexts.filter((context) => context > 128 && context <= 8192)

/** In a process of its own, so that neither its memory nor its threads stay. */
export async function measurePeer({ name, type }: Peer, contexts: readonly ContextLength[]): Promise<Throughput> {
  const model = await randomGguf(type)
  const long = name === 'native' ? depths(contexts) : []
  const state = join(CACHE, `native-${Math.max(0, ...long)}-tokens.state`)
  const args = ['bench/peers/full-size.ts', name, model, state, ...long.map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, args)
  const result = JSON.parse(stdout) as Throughput
  progress(`${name} ${type}: decode`, result.decodeTokensPerSecond, 'tokens/s')
  for (const [i, rate] of (result.depthTokensPerSecond ?? []).entries())
    progress(`${name} ${type}: decode at ${long[i]} tokens of context`, rate, 'tokens/s')
  progress(`${name} ${type}: prefill`, result.prefillTokensPerSecond, 'tokens/s')
  return result
}

export function peerRow({ type }: Peer, contexts: readonly ContextLength[], rounds: readonly Throughput[]): Row {
  const long = rounds[0].depthTokensPerSecond ? depths(contexts) : []
  const deep = (i: number) => spread(rounds.map(({ depthTokensPerSecond = [] }) => depthTokensPerSecond[i]))
  return {
    engine: `${rounds[0].version}, ${type}`,
    'GB a token': (ggufBytesPerToken(type) / 1e9).toFixed(2),
    'decode at 128': spread(rounds.map(({ decodeTokensPerSecond }) => decodeTokensPerSecond)),
    ...Object.fromEntries(long.map((context, i) => [`decode at ${context}`, deep(i)])),
    prefill: spread(rounds.map(({ prefillTokensPerSecond }) => prefillTokensPerSecond)),
  }
}
