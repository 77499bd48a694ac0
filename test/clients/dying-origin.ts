import { setTimeout } from 'node:timers/promises'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { decode } from '../../src/tokenizer/detokenizer.ts'
import { startWorkerWithOrigin } from '../origins/worker-with-origin.ts'

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

interface Death {
  readonly tokens: number
  readonly ms: number
}

/** The Worker in workerd, with an origin that breaks its answers off when it is told to. */
export async function startWorkerWithDyingOrigin(): Promise<DyingOrigin> {
  /** How each of the next attempts ends. */
  const deaths: Death[] = []
  const attempt = { number: 0, tokens: 0, death: undefined as Death | undefined }
  let text = (_tokens: number) => ''

  const worker = await startWorkerWithOrigin((tokenizer, origin) => {
    const letters = tokenizer.encode(' a b c d e f g h i j')
    text = (tokens) => decode(tokenizer, letters.slice(0, tokens))
    return {
      // A letter is followed by the next one, and a prompt by the first.
      next: (ids) => letters[(letters.indexOf(ids.at(-1)!) + 1) % letters.length],
      async beforeToken() {
        const number = origin().bodies.length
        if (attempt.number !== number) Object.assign(attempt, { number, tokens: 0, death: deaths.shift() })
        const { death } = attempt
        if (death && attempt.tokens === death.tokens) {
          await setTimeout(death.ms)
          throw new Error('the origin dies')
        }
        attempt.tokens++
      },
    }
  })
  return {
    ...worker,
    text: (tokens) => text(tokens),
    async works() {
      deaths.length = 0
      for (let i = 0; i < SUCCESSES; i++) await askForOneToken(worker.url)
    },
    failsAfter(tokens, ms = 0) {
      // After its last token a request is begun anew.
      if (tokens > 0) deaths.push({ tokens, ms })
      for (let i = 0; i < ROUNDS; i++) deaths.push({ tokens: 0, ms: 0 })
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
