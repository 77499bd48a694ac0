import { afterAll, beforeAll, describe } from 'vitest'
import { apiConformance } from './api-conformance.ts'
import { poolConformance } from './pool-conformance.ts'
import type { RealServer } from './real-server.ts'
import { startVllm, vllmMissing } from './vllm.ts'

// A start of two minutes and 5 GB of memory: not in every run of the tests.
const missing = process.env.TEST_VLLM ? vllmMissing() : 'it takes minutes and 5 GB; run npm run test:vllm'
if (missing) console.warn(`The tests with the real vLLM are skipped: ${missing}.`)

// With the weights of the GGUF that the embedded model was made of.
describe.skipIf(missing)('the real vLLM', () => {
  let server: RealServer
  beforeAll(async () => {
    server = await startVllm()
  }, 600_000)
  afterAll(() => server?.stop())

  describe('in a pool', () => poolConformance(() => server))
  describe('behind the API', () => apiConformance(() => server))
})
