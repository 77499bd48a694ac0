// An endpoint that many share: streams at once, a long prompt beside them, chats that go on, and 32 clients that come and leave.
//
//   npm run bench:many             the load for 5 minutes
//   npm run bench:many -- 60       for 60 seconds
import { createHash } from 'node:crypto'
import { startPipeline } from '../../src/serve/start-pipeline.ts'
import { startWorker } from '../../src/serve/start-worker.ts'
import { embeddedPipeline } from '../../test/pipeline/embedded-pipeline.ts'
import { median } from '../support/median.ts'
import { ask } from './ask.ts'
import { type Chat, identicalTurns } from './chat.ts'
import { load } from './load.ts'
import { runtime } from './runtime.ts'

const SECONDS = Number(process.argv[2] ?? 300)
const ROUNDS = 3
const TOKENS = 64
const TURNS = 20

/** KV caches of different keys are apart. */
const KEYS = Array.from({ length: TURNS + 14 }, (_, i) => `key-${i}`)
const API_KEYS = JSON.stringify(
  KEYS.map((key) => ({ name: key, sha256: createHash('sha256').update(key).digest('hex') })),
)
const [key, stranger] = KEYS
const ANIMALS = ['whales', 'owls', 'ants', 'bears', 'frogs', 'crows', 'sharks', 'horses']
const user = (content: string) => [{ role: 'user', content }]
const ms = (value: number) => `${value.toFixed(0)} ms`

const server = await startWorker({ port: 0, silent: true, vars: { API_KEYS } })
try {
  await ask(server.url, { messages: user('Hi'), max_tokens: 1 }, { key })
  console.log('Streams at once, of short prompts that no cache has, medians of', ROUNDS, 'rounds:')
  console.table(await streams([1, 4, 8]))
  console.log('While a prompt of some 1,500 tokens is read:', await longPrompt())
  console.log('The second turn of a chat of some 1,000 tokens:', await secondTurn())
  const chat: Chat = { url: server.url, keys: KEYS.slice(1), key, turns: TURNS, maxTokens: 24 }
  console.log(`${TURNS} turns in one isolate:`, await identicalTurns(chat))
  console.log(`${TURNS} turns in a pipeline:`, await inPipeline({ ...chat, maxTokens: 6 }))
  console.log(`32 clients for ${SECONDS} s:`, await load(server.url, KEYS, SECONDS))
} finally {
  await server.stop()
}

/** A prompt that differs from its first word on, so that nothing of it is there. */
function fresh(round: number, count: number, index: number): string {
  return `${round}.${count}.${index}: tell me about ${ANIMALS[index]}.`
}

async function streams(counts: readonly number[]) {
  const rows: Record<string, object> = {}
  for (const count of counts) {
    const rounds: { rate: number; cpuRate: number; slowest: number; lastFirst: number }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const [start, cpuBefore] = [performance.now(), (await runtime()).cpuSeconds]
      const heard = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          ask(server.url, { messages: user(fresh(round, count, index)), max_tokens: TOKENS }, { key }),
        ),
      )
      const seconds = (performance.now() - start) / 1000
      const cpuSeconds = (await runtime()).cpuSeconds - cpuBefore
      const ends = heard.map(({ times }) => times.at(-1)!)
      rounds.push({
        rate: (count * TOKENS) / seconds,
        cpuRate: (count * TOKENS) / cpuSeconds,
        slowest: Math.max(...ends) / median(ends),
        lastFirst: Math.max(...heard.map(({ times }) => times[0])),
      })
    }
    const of = (name: keyof (typeof rounds)[0]) => median(rounds.map((round) => round[name]))
    rows[count] = {
      'tokens/s, with prefill': of('rate').toFixed(1),
      'tokens a CPU second': of('cpuRate').toFixed(1),
      'slowest / median': of('slowest').toFixed(2),
      'first token of the last': ms(of('lastFirst')),
    }
  }
  return rows
}

async function longPrompt() {
  const lines = Array.from({ length: 3 }, (_, i) => user(`Tell a story, number ${i}.`))
  const longest: number[] = []
  let reading = false
  const stop = new AbortController()
  const running = lines.map((messages) => {
    let last = 0
    const onToken = () => {
      const now = performance.now()
      if (reading && last > 0) longest.push(now - last)
      last = now
    }
    return ask(server.url, { messages, max_tokens: 1500 }, { key, signal: stop.signal, onToken }).catch(() => undefined)
  })
  await new Promise((resolve) => setTimeout(resolve, 2000))
  reading = true
  const { times, promptTokens, error } = await ask(
    server.url,
    { messages: user('one two three '.repeat(490)), max_tokens: 8 },
    { key: stranger },
  )
  reading = false
  if (times.length === 0) throw new Error(error ?? `no token after ${promptTokens}`)
  stop.abort()
  await Promise.all(running)
  return {
    promptTokens,
    'first token': ms(times[0]),
    'longest gap of 3 streams': ms(Math.max(...longest)),
    'median gap': ms(median(longest)),
    'tokens of theirs meanwhile': longest.length,
  }
}

async function secondTurn() {
  const rounds = []
  for (let round = 0; round < ROUNDS; round++) {
    const first = user(`${round}. ${'The sea is wide and the ship is small. '.repeat(95)} What is small?`)
    const { text } = await ask(server.url, { messages: first, max_tokens: 24 }, { key })
    const messages = [...first, { role: 'assistant', content: text }, ...user('And what is wide?')]
    const again = await ask(server.url, { messages, max_tokens: 24 }, { key })
    const anew = await ask(server.url, { messages, max_tokens: 24 }, { key: stranger })
    if (again.text !== anew.text) throw new Error(`${again.text} is not ${anew.text}`)
    rounds.push({ again, anew })
  }
  const [kept, all] = [rounds.map(({ again }) => again.times[0]), rounds.map(({ anew }) => anew.times[0])]
  const { again } = rounds[0]
  return {
    tokens: `${again.cachedTokens} of ${again.promptTokens} kept`,
    'first token': ms(median(kept)),
    'without reuse': ms(median(all)),
    'times shorter': (median(all) / median(kept)).toFixed(1),
  }
}

async function inPipeline(chat: Omit<Chat, 'url'>) {
  const pack = await embeddedPipeline(2)
  const pipeline = await startPipeline({ out: pack.out, port: 0, vars: { API_KEYS } })
  try {
    return await identicalTurns({ ...chat, url: pipeline.url })
  } finally {
    await pipeline.stop()
    await pack.remove()
  }
}
