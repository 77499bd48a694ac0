import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { startWorker } from '../../scripts/start-worker.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import { startFakeOrigin } from '../origins/fake-origin.ts'
import { smolLm2Tables } from '../smollm2-tokenizer-tables.ts'

const tokenizer = loadTokenizer(smolLm2Tables()!)
let n = 0
const origin = await startFakeOrigin({
  kind: 'vllm',
  model: 'm',
  tokenizer,
  next: () => 500 + (n++ % 50),
  eosId: 2,
  beforeToken: () => setTimeout(5),
})
const worker = await startWorker({
  port: 0,
  vars: {
    EDGE_BUDGET_TOKENS: '16',
    ORIGINS: JSON.stringify([{ name: 'gpu', kind: 'vllm', url: origin.url, model: 'm' }]),
  },
})
const run = async (k: number, after: number) => {
  const request = httpRequest(`${worker.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    agent: false,
  })
  request.on('error', () => {})
  request.end(
    JSON.stringify({
      model: process.argv[2],
      messages: [{ role: 'user', content: 'Hi' }],
      stream: true,
      logit_bias: { 2: -100 },
    }),
  )
  const [response] = await once(request, 'response')
  response.on('error', () => {})
  let seen = 0
  for await (const c of response) {
    seen += c.toString().split('\n\n').length - 1
    if (seen > after) break
  }
  request.destroy()
  const start = Date.now()
  for (;;) {
    const before = origin.made
    await setTimeout(100)
    if (origin.made === before) break
    if (Date.now() - start > 4000) {
      console.log(k, after, 'RUNS ON')
      break
    }
  }
  console.log(k, after, Date.now() - start)
  for (;;) {
    const before = origin.made
    await setTimeout(100)
    if (origin.made === before) break
  }
}
for (let k = 0; k < 30; k++) await run(k, Number(process.argv[3]))
await worker.stop()
await origin.stop()
process.exit()
