import { setTimeout } from 'node:timers/promises'
import { type RunningWorker, startWorker } from '../../scripts/start-worker.ts'
import { decode } from '../../src/tokenizer/detokenizer.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import { type FakeOrigin, startFakeOrigin } from '../origins/fake-origin.ts'
import { smolLm2Tables } from '../smollm2-tokenizer-tables.ts'

export interface DyingOrigin extends RunningWorker {
  /** The first tokens of every answer of the origin. */
  text(tokens: number): string
  /** The origin answers so often that its circuit breaker forgives what comes next. */
  works(): Promise<void>
  /** The next request fails after so many tokens, and so many ms before the origin breaks off; later ones succeed. */
  failsAfter(tokens: number, ms?: number): void
}

/** Times in a row that the only origin is asked without a token coming (src/origin/origins.ts). */
const ROUNDS = 2
/** The breaker looks at the latest 10 attempts, of which half may not fail; a request fails with 3 of them. */
const SUCCESSES = 7

/** The Worker in workerd, with an origin that breaks its answers off when it is told to. */
export async function startWorkerWithDyingOrigin(): Promise<DyingOrigin> {
  const tokenizer = loadTokenizer(smolLm2Tables()!)
  const letters = tokenizer.encode(' a b c d e f g h i j')
  /** What each of the next attempts gives before it breaks off. */
  const deaths: { tokens: number; ms: number }[] = []
  const attempt = { number: 0, tokens: 0, death: undefined as (typeof deaths)[number] | undefined }

  async function beforeToken(): Promise<void> {
    if (attempt.number !== origin.bodies.length) {
      Object.assign(attempt, { number: origin.bodies.length, tokens: 0, death: deaths.shift() })
    }
    const { death } = attempt
    if (death && attempt.tokens === death.tokens) {
      await setTimeout(death.ms)
      throw new Error('the origin dies')
    }
    attempt.tokens++
  }
  const origin: FakeOrigin = await startFakeOrigin({
    kind: 'vllm',
    model: 'm',
    tokenizer,
    // A letter is followed by the next one, and a prompt by the first.
    next: (ids) => letters[(letters.indexOf(ids.at(-1)!) + 1) % letters.length],
    eosId: 2,
    beforeToken,
  })
  const origins = [{ name: 'dying', kind: 'vllm', url: origin.url, model: 'm' }]
  const worker = await startWorker({ port: 0, silent: true, vars: { ORIGINS: JSON.stringify(origins) } })
  return {
    url: worker.url,
    text: (tokens) => decode(tokenizer, letters.slice(0, tokens)),
    async works() {
      deaths.length = 0
      for (let i = 0; i < SUCCESSES; i++) await askForOneToken(worker.url)
    },
    failsAfter(tokens, ms = 0) {
      // After its last token a request is begun anew.
      if (tokens > 0) deaths.push({ tokens, ms })
      for (let i = 0; i < ROUNDS; i++) deaths.push({ tokens: 0, ms: 0 })
    },
    async stop() {
      await worker.stop()
      await origin.stop()
    },
  }
}

async function askForOneToken(url: string): Promise<void> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'x-nanbeige-route': 'origin' },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 }),
  })
  const said = await response.text()
  if (!response.ok) throw new Error(`the origin does not answer: ${said}`)
}
