import { createRandom, type Random } from '../../src/generate/random.ts'
import { type Fault, type FaultProxy, startFaultProxy } from '../../test/origins/fault-proxy.ts'
import { type RealServer, SERVED_EOS_ID, SERVED_MODEL } from '../../test/origins/real-server.ts'
import { median } from '../support/median.ts'
import { check } from './check.ts'
import type { BenchClient, LogLine, Question, Streamed } from './client.ts'
import { Expectations, segmentsOf } from './expected.ts'
import { FAULT_TYPES, type FaultType, TIMERS } from './fault-types.ts'
import { prompts } from './prompts.ts'
import { startSelfSigned } from './self-signed.ts'

const MAX_TOKENS = 48
/** Tokens after which the edge hands over. */
const BUDGETS = { from: 6, to: 16 }
/** Answers that faults strike: prose, code, mathematics and many characters of several bytes. */
const QUESTIONS = 5
/** More than there are requests for one answer. */
const ALWAYS = 100

/** How often a fault strikes, and whether a second origin is there that it does not strike. */
type Course = 'once' | 'always' | 'second'
const COURSES: readonly Course[] = ['once', 'second', 'always', 'second']

interface Outcome {
  readonly completed: boolean
  readonly wrongCharacters: number
  readonly problems: readonly string[]
  readonly failures: readonly string[]
  /** Who made the last token. */
  readonly last: string
  readonly longestGap: number
}

/** A row for every fault: each injected so many times into a stream of the server's. */
export async function measureFaults(client: BenchClient, server: RealServer, times: number) {
  const tls = await startSelfSigned()
  const proxy = await startFaultProxy(server.url)
  try {
    const bench = new FaultBench(client, server, proxy)
    const undisturbed = await bench.undisturbed()
    const rows = [row('none', undisturbed)]
    let wrong = undisturbed.filter(({ problems }) => problems.length > 0).length
    for (const type of FAULT_TYPES) {
      const outcomes: Outcome[] = []
      for (let index = 0; index < times; index++) {
        const outcome = await bench.struck(type, index, tls.url)
        outcomes.push(outcome)
        if (outcome.problems.length > 0) wrong++
        process.stderr.write(`\r${type.name}: ${outcomes.length} of ${times} `)
      }
      process.stderr.write('\n')
      rows.push(row(type.name, outcomes))
    }
    if (tls.trusted > 0) throw new Error('a certificate was trusted that nobody has signed')
    return { wrong, rows }
  } finally {
    await proxy.stop()
    await tls.stop()
  }
}

class FaultBench {
  readonly #client: BenchClient
  readonly #server: RealServer
  readonly #proxy: FaultProxy
  readonly #expectations: Expectations
  readonly #random: Random = createRandom(2)
  readonly #questions: readonly Question[] = prompts(QUESTIONS, createRandom(3)).map((messages) => ({
    messages,
    maxTokens: MAX_TOKENS,
    bannedIds: [SERVED_EOS_ID],
  }))
  /** Bytes of the server's shortest part of each answer. */
  readonly #bytes: number[] = []

  constructor(client: BenchClient, server: RealServer, proxy: FaultProxy) {
    this.#client = client
    this.#server = server
    this.#proxy = proxy
    this.#expectations = new Expectations(client, server)
  }

  async undisturbed(): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    for (const index of this.#questions.keys()) {
      outcomes.push(await this.#ask(index, [this.#origin({})], BUDGETS.to))
      this.#bytes.push(this.#proxy.passed)
    }
    return outcomes
  }

  /** A stream that the fault strikes; `index` says in which answer and course. */
  async struck(type: FaultType, index: number, tlsUrl: string): Promise<Outcome> {
    const course = COURSES[index % COURSES.length]
    const broken = this.#origin('config' in type ? type.config(tlsUrl) : {})
    const second = { ...this.#origin({ url: this.#server.url }), name: 'second', order: 1 }
    const origins = course === 'second' ? [broken, second] : [broken]
    for (;;) {
      const before = this.#proxy.struck
      if ('fault' in type) this.#inject(type.fault, index)
      const budget = BUDGETS.from + this.#below(BUDGETS.to - BUDGETS.from + 1)
      const outcome = await this.#ask(index % QUESTIONS, origins, budget)
      this.#proxy.heal()
      if (outcome.problems.length > 0) console.error(`\n${type.name}, ${course}:\n${outcome.problems.join('\n')}`)
      // The edge may have left less to the server than there are bytes before the fault.
      if ('config' in type || this.#proxy.struck > before || outcome.problems.length > 0) return outcome
    }
  }

  /** What strikes a response as a whole does so in mid-answer too, half of the times: after one that was cut. */
  #inject(fault: (atByte: number, random: Random) => Fault, index: number): void {
    const atByte = () => this.#below(this.#bytes[index % QUESTIONS])
    // What follows is shorter.
    const later = () => Math.floor(atByte() / 4)
    const always = COURSES[index % COURSES.length] !== 'once'
    const again = Array.from({ length: always ? ALWAYS : 0 }, () => fault(later(), this.#random))
    const faults = [fault(atByte(), this.#random), ...again]
    if (!('atByte' in faults[0]) && index % 4 >= 2) faults.unshift({ kind: 'cut', atByte: atByte() })
    this.#proxy.inject(...faults)
  }

  async #ask(index: number, origins: readonly object[], budget: number): Promise<Outcome> {
    const question = this.#questions[index]
    await this.#client.configure(origins)
    await this.#client.log()
    const streamed = await this.#client.stream(question, budget)
    const log = await this.#client.log()
    const segments = segmentsOf(log)
    const fromSecond = (await this.#client.originTokens())[1] > 0
    return {
      ...check(streamed, await this.#expectations.answer(question, segments)),
      failures: failures(log),
      last: segments.at(-1)!.source === 'edge' ? 'edge' : fromSecond ? 'second' : 'same',
      longestGap: longestGap(streamed),
    }
  }

  #origin(change: object) {
    const { kind } = this.#server
    return { name: 'first', kind, url: this.#proxy.url, model: SERVED_MODEL, timers: TIMERS, ...change }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

function failures(log: readonly LogLine[]): string[] {
  return log.flatMap(({ event, code }) => (event === 'origin_failed' ? [code!] : []))
}

function longestGap({ pieces }: Streamed): number {
  return Math.max(...pieces.slice(1).map(({ at }, index) => at - pieces[index].at))
}

function row(name: string, outcomes: readonly Outcome[]) {
  const last = (who: string) => outcomes.filter((outcome) => outcome.last === who).length
  const gaps = outcomes.map(({ longestGap }) => longestGap)
  return {
    fault: name,
    streams: outcomes.length,
    completed: outcomes.filter(({ completed }) => completed).length,
    'characters lost or repeated': outcomes.reduce((sum, { wrongCharacters }) => sum + wrongCharacters, 0),
    'failures seen': tally(outcomes.flatMap(({ failures }) => failures)),
    'ended by the same origin': last('same'),
    'second origin': last('second'),
    edge: last('edge'),
    'longest gap, median ms': Math.round(median(gaps)),
    'max ms': Math.round(Math.max(...gaps)),
  }
}

function tally(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, count]) => `${name} × ${count}`).join(', ') || 'none'
}
