// Start, decode and prefill of the embedded model in several checkouts of this project, in turn in one run: A B, B A, A B, …
//
//   npm run bench:compare -- PATH PATH                the first one is what the others are compared with; 7 rounds
//   npm run bench:compare -- PATH PATH --rounds 3     3 rounds
//
// Each checkout has its packages installed and is built (npm run build).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { freePorts } from '../../test/pipeline/workerd-process.ts'
import { visit } from '../crowd/visit.ts'
import { median } from '../support/median.ts'

const program = new Command()
  .argument('<paths...>', 'checkouts of this project')
  .option('--rounds <n>', 'rounds', wholeNumber, 7)
  .parse()
const checkouts = program.args.map((path) => resolve(path))
const { rounds } = program.opts<{ rounds: number }>()
/** Within a round, of which each checkout's best counts: a disturbance makes a time longer, never shorter. */
const REPEATS = 3
const DECODED_TOKENS = 64
const PROMPT_WORDS = 480

interface Figures {
  readonly start: number[]
  readonly decode: number[]
  readonly prefill: number[]
}

for (const path of checkouts) {
  if (!existsSync(`${path}/dist/kernels.relaxed.wasm`)) throw new Error(`Build ${path} before: npm run build in it.`)
}
const figures = new Map<string, Figures>(checkouts.map((path) => [path, { start: [], decode: [], prefill: [] }]))
for (let round = 0; round < rounds; round++) {
  const order = round % 2 === 0 ? checkouts : checkouts.toReversed()
  const servers: Server[] = []
  try {
    for (const path of order) servers.push(await measureStart(path))
    const best = new Map(order.map((path) => [path, { decode: 0, prefill: 0 }]))
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const { path, url } of servers) {
        const known = best.get(path)!
        known.decode = Math.max(known.decode, await decodeSpeed(url))
        known.prefill = Math.max(known.prefill, await prefillSpeed(url))
      }
    }
    for (const { path, startMs } of servers) {
      const { start, decode, prefill } = figures.get(path)!
      start.push(startMs)
      decode.push(best.get(path)!.decode)
      prefill.push(best.get(path)!.prefill)
    }
  } finally {
    for (const { child } of servers) await stop(child)
  }
}
print()

interface Server {
  readonly path: string
  readonly url: string
  readonly child: ChildProcess
  readonly startMs: number
}

/** From the start of the process to the whole of the first answer. */
async function measureStart(path: string): Promise<Server> {
  const [port] = await freePorts(1)
  const url = `http://localhost:${port}`
  const began = performance.now()
  // Where a checkout from before `nanbeige-edge serve` has it.
  const before = 'scripts/serve.ts'
  const script = existsSync(resolve(path, before)) ? [before] : ['src/cli/main.ts', 'serve']
  const child = spawn(process.execPath, script, {
    cwd: path,
    env: { ...process.env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`the server in ${path} ended`)
    await setTimeout(10)
  }
  return { path, url, child, startMs: performance.now() - began }
}

async function answers(url: string): Promise<boolean> {
  try {
    await ask(url, 1, 1)
    return true
  } catch {
    return false
  }
}

function ask(url: string, words: number, maxTokens: number) {
  return visit(url, '127.0.0.1', { words, maxTokens, stream: true, patience: undefined })
}

/** Tokens a second, between the first one and the last one. */
async function decodeSpeed(url: string): Promise<number> {
  const { times } = await ask(url, 1, DECODED_TOKENS)
  return ((times.length - 1) * 1000) / (times.at(-1)! - times[0])
}

/** Tokens of the prompt a second, from the request to the end of an answer of one token. */
async function prefillSpeed(url: string): Promise<number> {
  const before = await tokensComputed(url)
  const began = performance.now()
  const { ended } = await ask(url, PROMPT_WORDS, 1)
  const tookMs = ended - began
  return (((await tokensComputed(url)) - before) * 1000) / tookMs
}

async function tokensComputed(url: string): Promise<number> {
  return (await (await fetch(`${url}/healthz`)).json()).tokensComputed
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

/** Medians and ranges, and the medians' ratios to the first checkout's: above 1 is slower at the start, faster in tokens a second. */
function print(): void {
  const [base] = checkouts.map((path) => figures.get(path)!)
  const cell = (values: readonly number[], of: readonly number[], digits: number) => {
    const shown = [median(values), Math.min(...values), Math.max(...values)].map((value) => value.toFixed(digits))
    return `${shown[0]} (${shown[1]} – ${shown[2]}) × ${(median(values) / median(of)).toFixed(3)}`
  }
  console.log(
    `\n${rounds} rounds, the best of ${REPEATS} in each: median (range), and its ratio to the first checkout's.`,
  )
  console.table(
    Object.fromEntries(
      checkouts.map((path) => {
        const { start, decode, prefill } = figures.get(path)!
        return [
          path,
          {
            'start, ms': cell(start, base.start, 0),
            'decode, tokens/s': cell(decode, base.decode, 1),
            [`prefill of ${PROMPT_WORDS} words, tokens/s`]: cell(prefill, base.prefill, 1),
          },
        ]
      }),
    ),
  )
}
