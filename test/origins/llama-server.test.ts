import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { History } from '../../src/origin/history.ts'
import { openOrigins } from '../../src/origin/origins.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import { smolLm2Tables } from '../support/smollm2-tokenizer-tables.ts'
import { apiConformance } from './api-conformance.ts'
import { collect, configs, requestOf } from './collect.ts'
import { llamaServerMissing, startLlamaServer } from './llama-server.ts'
import { poolConformance } from './pool-conformance.ts'
import { type RealServer, SERVED_MODEL } from './real-server.ts'

const missing = llamaServerMissing() ?? (smolLm2Tables() ? undefined : 'the embedded pack is not there')
if (missing) console.warn(`The tests with the real llama-server are skipped: ${missing}.`)

// With the GGUF that the embedded model was made of.
describe.skipIf(missing)('the real llama-server', () => {
  let server: RealServer
  beforeAll(async () => {
    server = await startLlamaServer()
  })
  afterAll(() => server?.stop())

  describe('in a pool', () => poolConformance(() => server))
  describe('behind the API', () => apiConformance(() => server))

  test('is not asked for logprobs, which it leaves out inside characters', async () => {
    const tokenizer = loadTokenizer(smolLm2Tables()!)
    const text = 'Once upon a time'
    const history = new History(tokenizer, { text, ids: tokenizer.encode(text) })
    const origins = await openOrigins(configs({ kind: 'llama-server', url: server.url, model: SERVED_MODEL }), {
      tokenizer,
      log: () => {},
    })
    const got = await collect(origins.continueAtOrigin(requestOf({ history, topLogprobs: 2 })))
    expect(got.end).toEqual(['unsupported'])
  })
})
