// Prints the throughput of a peer on a random GGUF of the full size (bench/full/random-gguf.ts), one thread, as JSON:
//
//   npx node bench/peers/full-size.ts native|wllama2|wllama3 first-file.gguf
//   npx node bench/peers/full-size.ts native first-file.gguf state-file 2048 8192       behind long contexts, too
import { measureNative } from './native.ts'
import { measureDepths } from './native-depths.ts'
import { measureWllama } from './wllama.ts'
import type { Throughput, Workload } from './workload.ts'

// Token ids of the random GGUF: any will do, but none that ends a text.
const ids = (count: number) => Array.from({ length: count }, (_, i) => 1000 + 7 * i)

/** Decode after 128 tokens, as the Worker does. Its prefill gains nothing from longer batches. */
const nativeWorkload: Workload = { prompt: ids(128), decodeTokens: 25, prefill: ids(64), runs: 1 }
/** For engines that take seconds for a token. */
const wllamaWorkload: Workload = { prompt: ids(4), decodeTokens: 7, prefill: ids(8), runs: 1 }

const PEERS: Record<string, (model: string, state: string, contexts: readonly number[]) => Promise<Throughput>> = {
  native: async (model, state, contexts) => ({
    ...(await measureNative(model, nativeWorkload)),
    depthTokensPerSecond: await measureDepths(model, contexts, state),
  }),
  wllama2: (model) => measureWllama(model, wllamaWorkload, 2),
  wllama3: (model) => measureWllama(model, wllamaWorkload, 3),
}

const [name, model, state, ...contexts] = process.argv.slice(2)
console.log(JSON.stringify(await PEERS[name](model, state, contexts.map(Number)), null, 2))
