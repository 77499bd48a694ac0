// The table of oddities (test/origins/oddities.ts) as docs/origins.md has it: what each client must make of each, and what it made.
//
//   npm exec -- node bench/origins/oddities.ts             the table
//   npm exec -- node bench/origins/oddities.ts --memory    peak memory of the process that reads, for bodies without an end
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { startMiniflare } from '../../src/serve/start-miniflare.ts'
import { type Answered, answerOnce, type OnceRequest } from '../../test/origins/answer-once.ts'
import { bundleOriginsWorker } from '../../test/origins/bundle.ts'
import { ODDITIES } from '../../test/origins/oddities.ts'
import { ANSWER, KINDS, outcomeOf } from '../../test/origins/oddity.ts'
import { playOddity } from '../../test/origins/play-oddity.ts'

const MIB = 1024 * 1024
const TEXT = new TextDecoder().decode(Uint8Array.from(ANSWER))
/** One of them is no bomb, for comparison. */
const BOMBS = [
  "ends with 'stop'",
  'a gzip bomb at /v1/models',
  'an endless error',
  'an endless line',
  'endless data lines',
]

if (process.argv.includes('--answer')) await answerFromInput()
else if (process.argv.includes('--memory')) await printMemory()
else await printTable()

async function printTable(): Promise<void> {
  let wrong = 0
  console.log(`| oddity | ${KINDS.join(' | ')} |\n|---|${'---|'.repeat(KINDS.length)}`)
  for (const row of ODDITIES) {
    const cells: string[] = []
    for (const kind of KINDS) {
      if (row.kinds && !row.kinds.includes(kind)) {
        cells.push('–')
        continue
      }
      const { got, failures } = await playOddity(kind, row, answerOnce)
      const said = kind === 'openai' ? got.text : new TextDecoder().decode(Uint8Array.from(got.ids))
      const seen = said === TEXT ? failures.map(({ code }) => code).join(', ') || 'whole' : 'another answer'
      const expected = outcomeOf(row, kind)
      if (seen !== expected) wrong++
      cells.push(seen === expected ? seen : `**${seen}**, expected ${expected}`)
    }
    console.log(`| ${row.name} | ${cells.join(' | ')} |`)
  }
  if (wrong > 0) process.exitCode = 1
}

/** As a process of its own that is asked once: the answer and the most memory that it took. */
async function answerFromInput(): Promise<void> {
  const answered = await answerOnce(JSON.parse(await text(process.stdin)) as OnceRequest)
  console.log(JSON.stringify({ ...answered, peakMib: process.resourceUsage().maxRSS / 1024 }))
}

async function printMemory(): Promise<void> {
  const script = await bundleOriginsWorker()
  console.log('| body | Node, peak MiB | workerd, peak MiB | MiB sent | failures |\n|---|---|---|---|---|')
  for (const row of ODDITIES.filter(({ name }) => BOMBS.includes(name))) {
    let node = 0
    let workerd = 0
    const played = await playOddity('vllm', row, async (request) => {
      const { peakMib, ...answered } = await inNode(request)
      node = peakMib
      return answered
    })
    await playOddity('vllm', row, async (request) => {
      const { peakMib, ...answered } = await inWorkerd(script, request)
      workerd = peakMib
      return answered
    })
    const codes = played.failures.map(({ code }) => code).join(', ')
    const cells = [row.name, Math.round(node), Math.round(workerd), (played.sent / MIB).toFixed(1), codes || 'none']
    console.log(`| ${cells.join(' | ')} |`)
  }
}

type Measured = Answered & { readonly peakMib: number }

function inNode(request: OnceRequest): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const args = [import.meta.filename, '--answer']
    const child = execFile(process.execPath, args, (error, output) =>
      error ? reject(error) : resolve(JSON.parse(output)),
    )
    child.stdin?.end(JSON.stringify(request))
  })
}

async function inWorkerd(script: string, request: OnceRequest): Promise<Measured> {
  const worker = startMiniflare({
    modules: true,
    script,
    compatibilityDate: '2026-04-01',
    compatibilityFlags: ['nodejs_compat'],
    durableObjects: { POOL: 'Pool' },
  })
  try {
    await worker.ready
    const response = await worker.dispatchFetch('http://localhost/once', {
      method: 'POST',
      body: JSON.stringify(request),
    })
    return { ...((await response.json()) as Answered), peakMib: peakOfChildren() }
  } finally {
    await worker.dispose()
  }
}

/** The largest of this process's children, which is workerd. */
function peakOfChildren(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ')
  const peaks = children.map((pid) => /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  return Math.max(...peaks.map(Number)) / 1024
}
