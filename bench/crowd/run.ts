// Forty clients come, wait, leave and return at random, run after run on one workerd. After each run nobody may wait, and what was computed
// must be explained by those who were heard.
//
//   npm run bench:crowd              50 runs
//   npm run bench:crowd -- 5 7       5 runs of another seed
import { setTimeout } from 'node:timers/promises'
import { createRandom, type Random } from '../../src/generate/random.ts'
import { CHUNK_LENGTH } from '../../src/model/load.ts'
import { startWorker } from '../../src/serve/start-worker.ts'
import { median } from '../support/median.ts'
import { type Outcome, type Visit, visit } from './visit.ts'

const CLIENTS = 40
/** In which all clients come, in ms. */
const ARRIVAL_MS = 5000
/** Times that a client that left or was refused comes back. */
const RETURNS = 3
const WORDS = [1, 5, 20]
const MAX_TOKENS = [1, 2, 4, 8, 40]
/** In which a server has noticed that the last one left, in ms. */
const NOTICED_MS = 2000
/** Of a client that comes when all are gone. */
const NEWCOMER: Visit = { words: 1, maxTokens: 4, stream: true, patience: undefined }

interface Visited extends Visit, Outcome {}

const [runs = 50, seed = 1] = process.argv.slice(2).map(Number)
const random = createRandom(seed)
// One at a time: what is computed for whom can then be told by when each heard something.
const server = await startWorker({ port: 0, silent: true, vars: { SEQUENCES: 1 } })
let failed = false
try {
  const promptTokens = new Map<number, number>()
  for (const words of WORDS) promptTokens.set(words, await lengthOfPrompt(words))
  const alone: number[] = []
  for (let i = 0; i < 5; i++) alone.push(await untilFirstToken())

  const newcomers: number[] = []
  const rows: object[] = []
  for (let run = 1; run <= runs; run++) {
    const before = (await health()).tokensComputed
    const visits = (await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index, random)))).flat()
    const { waiting, tokensComputed } = await settled()
    const computed = tokensComputed - before
    const { atLeast, atMost, ghosts } = explained(visits, promptTokens)
    newcomers.push(await untilFirstToken())
    const count = (end: Outcome['end']) => visits.filter((visit) => visit.end === end).length
    const right = waiting === 0 && computed >= atLeast && computed <= atMost
    failed ||= !right
    rows.push({
      answered: count('answered'),
      left: count('left'),
      ghosts,
      refused: count('refused'),
      waiting,
      computed,
      'at least': atLeast,
      'at most': atMost,
      right,
    })
    if (!right) console.log(`Run ${run} of seed ${seed} is wrong: ${JSON.stringify(rows.at(-1))}`)
  }
  console.log(
    `\n${runs} runs of ${CLIENTS} clients, seed ${seed}. Left, and surely never had a turn: ghosts. Tokens computed:`,
  )
  console.table(rows)
  const ms = (values: readonly number[]) => `${median(values).toFixed(0)} (${Math.max(...values).toFixed(0)} at most)`
  console.log(`First token of a newcomer after the crowd, ms: ${ms(newcomers)}; before it: ${ms(alone)}.`)
} finally {
  await server.stop()
}
if (failed) process.exitCode = 1

/** All visits of a client. Its plan is drawn before anything happens, so that it does not depend on the machine. */
async function client(index: number, random: Random): Promise<Visited[]> {
  const below = (limit: number) => Math.floor(random() * limit)
  const arrival = below(ARRIVAL_MS)
  const plan = Array.from({ length: 1 + RETURNS }, () => ({
    words: WORDS[below(WORDS.length)],
    maxTokens: MAX_TOKENS[below(MAX_TOKENS.length)],
    stream: random() < 0.8,
    patience: random() < 0.4 ? undefined : below(4000),
    pause: below(4000),
  }))
  const visited: Visited[] = []
  await setTimeout(arrival)
  for (const { pause, ...next } of plan) {
    const outcome = await visit(server.url, `127.0.1.${1 + index}`, next)
    visited.push({ ...next, ...outcome })
    if (outcome.end === 'answered') break
    await setTimeout(pause)
  }
  return visited
}

/**
 * What the clients account for. Whoever stayed: the prompt and the answer but its last token, which nothing follows. Whoever left after
 * hearing some tokens: the prompt, these tokens, and at most one chunk. Whoever left before: nothing where somebody else had the only turn
 * (a ghost), else at most the prompt, and a plain request, which hears its tokens at the end only, at most all that it asked for.
 */
function explained(visits: readonly Visited[], promptTokens: ReadonlyMap<number, number>) {
  let [atLeast, atMost, ghosts] = [0, 0, 0]
  for (const visit of visits) {
    const prompt = promptTokens.get(visit.words)!
    if (visit.end === 'answered') {
      atLeast += prompt + visit.tokens - 1
      atMost += prompt + visit.tokens - 1
    } else if (visit.end === 'left' && visit.tokens > 0) {
      atLeast += prompt + visit.tokens - 1
      atMost += prompt + visit.tokens + CHUNK_LENGTH
    } else if (visit.end === 'left' && hadTurn(visits, visit.ended)) {
      ghosts++
    } else if (visit.end === 'left') {
      atMost += visit.stream ? prompt : prompt + visit.maxTokens
    }
  }
  return { atLeast, atMost, ghosts }
}

/** Whether a client was hearing tokens then, one before and one after it: for one at a time is computed. */
function hadTurn(visits: readonly Visited[], time: number): boolean {
  return visits.some(({ times }) => times.length > 0 && times[0] < time && time < times.at(-1)!)
}

/** When nothing is computed any more, and the server has had the time to see that everybody left. */
async function settled() {
  await setTimeout(NOTICED_MS)
  for (let before = await health(); ; ) {
    await setTimeout(200)
    const now = await health()
    if (now.tokensComputed === before.tokensComputed) return now
    before = now
  }
}

/** `tokensComputed`: with those that a KV cache had. */
async function health(): Promise<{ waiting: number; tokensComputed: number }> {
  const { waiting, tokensComputed, reused } = await (await fetch(`${server.url}/healthz`)).json()
  return { waiting, tokensComputed: tokensComputed + (reused?.tokens ?? 0) }
}

async function lengthOfPrompt(words: number): Promise<number> {
  const before = (await health().catch(() => ({ tokensComputed: 0 }))).tokensComputed
  await visit(server.url, '127.0.0.1', { ...NEWCOMER, words, maxTokens: 1 })
  return (await health()).tokensComputed - before
}

async function untilFirstToken(): Promise<number> {
  const start = performance.now()
  const { times } = await visit(server.url, '127.0.0.1', NEWCOMER)
  return times[0] - start
}
