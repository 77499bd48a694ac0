// Answers of the real server in the real widget, of which connections, pages and servers are taken away at random bytes.
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { createRandom } from '../../src/generate/random.ts'
import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'
import type { AssistantTurn, Settings } from '../../src/widget/turns.ts'
import { type CuttingProxy, type Strike, startCuttingProxy } from '../support/cutting-proxy.ts'
import { launchChromium } from './chromium.ts'

export type Disturbance = 'cut' | 'reload' | 'restart'

/** What became of an answer: the undisturbed one, a piece of it with an error that says so, or neither. */
export type Outcome = 'equal' | 'clear end' | 'wrong' | 'unfinished'

export interface Disturbed {
  readonly disturbances: readonly Disturbance[]
  readonly outcome: Outcome
  readonly text: string
  readonly expected: string
  readonly error: string | undefined
  /** Connections that the answer took. */
  readonly streams: number
  readonly ms: number
}

const SETTINGS: Settings = { temperature: 1, seed: 7, maxTokens: 48 }
const SUBJECTS = ['the sea', 'a mill', 'two brothers', 'the moon', 'a lost key']
/** Of an answer's stream, some 300 for each event. */
const BYTES = 16_000
const PATIENCE_MS = 90_000

export class DisturbedAnswers {
  readonly #random: () => number
  readonly #page: Page
  readonly #proxy: CuttingProxy
  readonly #port: number
  #worker: RunningWorker
  #expected = new Map<string, string>()
  #restarting: Promise<void> | undefined

  private constructor(seed: number, page: Page, proxy: CuttingProxy, port: number, worker: RunningWorker) {
    this.#random = createRandom(seed)
    this.#page = page
    this.#proxy = proxy
    this.#port = port
    this.#worker = worker
  }

  static async start(seed: number): Promise<DisturbedAnswers> {
    const port = await freePort()
    const worker = await startWorker({ port, silent: true })
    const proxy = await startCuttingProxy(port)
    const browser = await launchChromium()
    const page = await browser.newPage()
    const answers = new DisturbedAnswers(seed, page, proxy, port, worker)
    await answers.#visit()
    await page.evaluate(saveSettings, SETTINGS)
    await answers.#visit()
    return answers
  }

  async stop(): Promise<void> {
    await this.#page.context().browser()!.close()
    await this.#proxy.stop()
    await this.#worker.stop()
  }

  /** The answer to one of a few questions, disturbed so. */
  async answer(disturbances: readonly Disturbance[]): Promise<Disturbed> {
    const subject = SUBJECTS[this.#below(SUBJECTS.length)]
    const question = `Tell me a long story about ${subject}.`
    const expected = this.#expected.get(question) ?? textOf(await this.#ask(question, []))
    this.#expected.set(question, expected)
    const strikes = disturbances.map(
      (disturbance): Strike => ({
        atByte: this.#below(BYTES / disturbances.length),
        happen: () => this.#disturb(disturbance),
      }),
    )
    const [begin, streams] = [performance.now(), this.#proxy.streams]
    const turn = await this.#ask(question, strikes)
    const text = textOf(turn)
    return {
      disturbances,
      outcome: outcomeOf(turn, expected),
      text,
      expected,
      error: turn?.error?.code,
      streams: this.#proxy.streams - streams,
      ms: performance.now() - begin,
    }
  }

  async #ask(question: string, strikes: readonly Strike[]): Promise<AssistantTurn | undefined> {
    this.#proxy.plan(...strikes)
    const since = Date.now()
    await this.#page.evaluate((question) => {
      const chat = document.querySelector('nanbeige-chat') as HTMLElement & {
        newConversation(): void
        ask(text: string): void
      }
      chat.newConversation()
      chat.ask(question)
    }, question)
    const end = Date.now() + PATIENCE_MS
    let turn: AssistantTurn | undefined
    while (Date.now() < end) {
      await setTimeout(50)
      await this.#restarting
      // While the page is loaded again, nobody can be asked.
      turn = await this.#page.evaluate(newestAnswer, since).catch(() => undefined)
      if (turn && !['waiting', 'streaming', 'reconnecting'].includes(turn.state)) break
    }
    this.#proxy.plan()
    return turn
  }

  #disturb(disturbance: Disturbance): boolean {
    if (disturbance === 'cut') return true
    if (disturbance === 'reload') {
      this.#page.reload().catch(() => {})
      return false
    }
    this.#restarting = this.#restart().finally(() => {
      this.#restarting = undefined
    })
    return true
  }

  async #restart(): Promise<void> {
    await this.#worker.stop()
    this.#worker = await startWorker({ port: this.#port, silent: true })
  }

  async #visit(): Promise<void> {
    await this.#page.goto(`http://localhost:${this.#proxy.port}/`)
    await this.#page.waitForFunction(() =>
      document.querySelector('nanbeige-chat')?.shadowRoot?.querySelector('textarea'),
    )
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

function outcomeOf(turn: AssistantTurn | undefined, expected: string): Outcome {
  if (!turn || ['waiting', 'streaming', 'reconnecting'].includes(turn.state)) return 'unfinished'
  const text = textOf(turn)
  if (turn.state !== 'failed') return text === expected ? 'equal' : 'wrong'
  return turn.error && expected.startsWith(text) ? 'clear end' : 'wrong'
}

function textOf(turn: AssistantTurn | undefined): string {
  return turn ? `${turn.reasoning}\n${turn.content}` : ''
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

// The rest runs in the page.

function saveSettings(settings: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('nanbeige-chat:')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('settings', 'readwrite')
      transaction.objectStore('settings').put(settings, 'settings')
      transaction.oncomplete = () => {
        opening.result.close()
        resolve()
      }
    }
  })
}

/** Of the turns in the archive, to the question that was asked since. */
function newestAnswer(since: number): Promise<AssistantTurn | undefined> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('nanbeige-chat:')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const reading = opening.result.transaction('turns').objectStore('turns').getAll()
      reading.onsuccess = () => {
        opening.result.close()
        const turns = reading.result.map(({ turn }) => turn)
        resolve(turns.find(({ role, createdAt }) => role === 'assistant' && createdAt >= since))
      }
    }
  })
}
