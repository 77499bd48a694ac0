// The API in workerd with the embedded model, slowed to the speed of the full-size one, before a real server with the same model:
// answers that move to it in mid-stream, and what can go wrong there. Exits with 1 when a single character is wrong.
//
//   npm run bench:origins                                        both tables with llama-server; about 40 minutes
//   npm run bench:origins -- --origin llama-server,vllm          with both servers
//   npm run bench:origins -- --only handover --prompts 10        one table, fewer prompts
//   npm run bench:origins -- --only grammar                      answers held to grammars, with llama-server and a scripted vLLM
//   npm run bench:origins -- --only faults --times 4             the other, fewer faults
//
// The servers are installed apart: scripts/install-llama-server.sh, scripts/install-vllm.sh
import { startWorker } from '../../src/serve/start-worker.ts'
import { llamaServerMissing, startLlamaServer } from '../../test/origins/llama-server.ts'
import { startVllm, vllmMissing } from '../../test/origins/vllm.ts'
import { BenchClient } from './client.ts'
import { TIMERS } from './fault-types.ts'
import { measureFaults } from './faults.ts'
import { measureGrammar } from './grammar.ts'
import { measureHandover } from './handover.ts'
import { parseOptions, type ServerName } from './options.ts'

/** Of a token at the edge: about what Nanbeige4-3B takes in one isolate. */
const EDGE_INTERVAL_MS = 150
const SERVERS = {
  'llama-server': { start: () => startLlamaServer(), missing: llamaServerMissing() },
  vllm: { start: startVllm, missing: vllmMissing() },
}

const { origin, only, prompts, times, held } = parseOptions()
let wrong = 0
if (only.includes('grammar')) {
  const rows = []
  for (const name of ['llama-server', 'vllm'] as const) {
    const measured = await measureGrammar(name, held)
    rows.push(measured.row)
    wrong += measured.wrong
  }
  console.log('\nAnswers handed over while a grammar held them (the vLLM is scripted):')
  console.table(rows)
}
if (only.some((part) => part !== 'grammar')) await measureServers()
if (wrong > 0) process.exitCode = 1

/** The API in workerd before each server. */
async function measureServers(): Promise<void> {
  for (const name of origin) if (SERVERS[name].missing) throw new Error(SERVERS[name].missing)
  const worker = await startWorker({
    port: 0,
    config: 'bench/origins/wrangler.toml',
    vars: { EDGE_INTERVAL_MS: `${EDGE_INTERVAL_MS}` },
    silent: true,
  })
  const client = new BenchClient(worker.url)
  try {
    for (const name of origin) await measureServer(client, name)
  } finally {
    await worker.stop()
  }
}

async function measureServer(client: BenchClient, name: ServerName): Promise<void> {
  process.stderr.write(`Starting ${name}\n`)
  const server = await SERVERS[name].start()
  try {
    if (only.includes('handover')) {
      const handover = await measureHandover(client, server, prompts)
      console.log(`\nHandover to ${name}, from an edge that makes a token every ${EDGE_INTERVAL_MS} ms:`)
      console.table([handover.row])
      wrong += handover.wrong
    }
    if (only.includes('faults')) {
      const faults = await measureFaults(client, server, times)
      const { firstTokenMs, idleMs } = TIMERS
      console.log(
        `\nFaults of ${name}, given up after ${firstTokenMs} ms without a first token and ${idleMs} ms between two:`,
      )
      console.table(faults.rows)
      wrong += faults.wrong
    }
  } finally {
    await server.stop()
  }
}
