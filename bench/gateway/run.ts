// The time that a gateway adds on the way to an origin and back, beside Portkey's open-source gateway: the same origin, in turn, in one
// run (docs/gateway.md).
//
//   npm run bench:gateway             100 requests of each kind
//   npm run bench:gateway -- 20       20 of them
//
// Portkey is installed apart: cd bench && npm install --omit=optional --ignore-scripts
import { llamaServerMissing, startLlamaServer } from '../../test/origins/llama-server.ts'
import { SERVED_MODEL } from '../../test/origins/real-server.ts'
import { median } from '../support/median.ts'
import { percentile } from '../support/percentile.ts'
import { ask } from './ask.ts'
import { type Gateway, startGateways, startScriptedOrigin, stopGateways, type Upstream } from './gateways.ts'
import type { OriginTimes } from './scripted-origin.ts'

const REQUESTS = Number(process.argv[2] ?? 100)
/** After these V8 has compiled what runs often. */
const WARM_UP = 10
const TOKENS = 64
const INTERVAL_MS = 10
const CONCURRENCIES = [1, 8]

const LLAMA_ROUNDS = 20
const LLAMA_TOKENS = 4

/** Times on the way, in ms, by name of the gateway. */
type Samples = Record<string, { first: number[]; chunk: number[]; whole: number[] }>

let seed = 0

const origin = await startScriptedOrigin(INTERVAL_MS)
try {
  await withGateways(origin, benchScripted)
} finally {
  await origin.stop()
}

const missing = llamaServerMissing()
if (missing) {
  console.log(`\nllama-server is not measured: ${missing}`)
} else {
  const server = await startLlamaServer({ slots: 1 })
  try {
    await withGateways({ kind: 'llama-server', url: server.url, model: SERVED_MODEL }, benchLlamaServer)
  } finally {
    await server.stop()
  }
}

async function withGateways(origin: Upstream, bench: (gateways: readonly Gateway[]) => Promise<void>): Promise<void> {
  const gateways = await startGateways(origin)
  try {
    await bench(gateways)
  } finally {
    await stopGateways(gateways)
  }
}

async function benchScripted(gateways: readonly Gateway[]): Promise<void> {
  for (const concurrency of CONCURRENCIES) {
    await onTheWay(gateways, WARM_UP, concurrency)
    const samples = await onTheWay(gateways, REQUESTS, concurrency)
    const { direct, ...through } = samples
    console.log(
      `\nScripted origin, ${TOKENS} tokens ${INTERVAL_MS} ms apart, ${REQUESTS} requests, ${concurrency} at once.`,
    )
    console.log('Added, ms: median, 95th percentile, mean:')
    const added = (kind: keyof typeof direct) => (values: typeof direct) => {
      const base = median(direct[kind])
      const mean = values[kind].reduce((sum, value) => sum + value, 0) / values[kind].length
      return [median(values[kind]), percentile(values[kind], 0.95), mean]
        .map((value) => (value - base).toFixed(2))
        .join('  ')
    }
    print(through, { 'first token': added('first'), 'a chunk': added('chunk'), 'whole answer': added('whole') })
  }
}

/** Each gateway in turn, since the machine's speed drifts. */
async function onTheWay(gateways: readonly Gateway[], requests: number, concurrency: number): Promise<Samples> {
  const samples: Samples = {}
  for (const { name } of gateways) samples[name] = { first: [], chunk: [], whole: [] }
  for (let done = 0; done < requests; done += concurrency) {
    for (const stream of [true, false]) {
      for (const gateway of gateways) {
        await Promise.all(Array.from({ length: concurrency }, () => sample(gateway, stream, samples[gateway.name])))
      }
    }
  }
  return samples
}

/** What passes while neither the origin computes nor the client. */
async function sample(gateway: Gateway, stream: boolean, { first, chunk, whole }: Samples[string]): Promise<void> {
  const question = { stream, maxTokens: TOKENS, seed: seed++ }
  const { sent, pieces, end } = await ask(gateway, question)
  const { asked, tokens } = (await (await fetch(`${origin.url}/times/${question.seed}`)).json()) as OriginTimes
  const there = asked - sent
  if (!stream) {
    whole.push(there + end - tokens.at(-1)!)
    return
  }
  if (pieces.length !== tokens.length) throw new Error(`${gateway.name}: ${pieces.length} of ${tokens.length} chunks`)
  const back = pieces.map((at, index) => at - tokens[index])
  first.push(there + back[0])
  chunk.push(...back.slice(1))
}

/** The origin's own time is not known here, so that a request is compared with the direct one of its round. */
async function benchLlamaServer(gateways: readonly Gateway[]): Promise<void> {
  const added: Record<string, { first: number[]; whole: number[] }> = {}
  for (const { name } of gateways.slice(1)) added[name] = { first: [], whole: [] }
  for (let round = -2; round < LLAMA_ROUNDS; round++) {
    for (const stream of [true, false]) {
      let direct = 0
      for (const gateway of gateways) {
        const { sent, pieces, end } = await ask(gateway, { stream, maxTokens: LLAMA_TOKENS, seed: 1 })
        const took = (stream ? pieces[0] : end) - sent
        if (gateway.name === 'direct') direct = took
        else if (round >= 0) added[gateway.name][stream ? 'first' : 'whole'].push(took - direct)
      }
    }
  }
  console.log(`\nllama-server with SmolLM2-135M, ${LLAMA_TOKENS} tokens, ${LLAMA_ROUNDS} rounds.`)
  console.log('Added, ms: median, and the middle half:')
  const middle = (kind: 'first' | 'whole') => (values: Record<typeof kind, number[]>) => {
    const [low, mid, high] = [0.25, 0.5, 0.75].map((share) => percentile(values[kind], share).toFixed(1))
    return `${mid} (${low} – ${high})`
  }
  print(added, { 'first token': middle('first'), 'whole answer': middle('whole') })
}

function print<Values>(rows: Record<string, Values>, columns: Record<string, (values: Values) => string>): void {
  const row = (values: Values) => Object.entries(columns).map(([column, of]) => [column, of(values)])
  console.table(
    Object.fromEntries(Object.entries(rows).map(([name, values]) => [name, Object.fromEntries(row(values))])),
  )
}
