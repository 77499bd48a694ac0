import { expect, test } from 'vitest'
import { hasUsage } from '../support/workerd-usage.ts'
import { fuzz } from './fuzz.ts'

// npm run bench:bodies sends 10,000.
test.skipIf(!hasUsage)('400 generated bodies are answered quickly, and none with a server error', async () => {
  const { failures, statuses } = await fuzz(400, 13)
  expect(failures).toEqual([])
  // Neither were all of them wrong, nor all right.
  expect(statuses[200]).toBeGreaterThan(20)
  expect(statuses[400]).toBeGreaterThan(100)
})
