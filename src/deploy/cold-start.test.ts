import { expect, it } from 'vitest'
import type { Plan } from '../pipeline/stage-plan.ts'
import { coldStart, coldStartDollars, coldStartSeconds } from './cold-start.ts'

const memory = { kvBytes: 0, scratchBytes: 0, memoryBytes: 0 }
const plan: Plan = {
  ...{ name: 'model', contextLength: 1, sessions: 1, chunkLength: 1 },
  stages: [
    { kind: 'layers', first: 0, count: 1, weightBytes: 80e6, ...memory },
    { kind: 'head', firstRow: 0, rows: 32, weightBytes: 60e6, ...memory },
  ],
}

it('a cold start takes as long as the largest stage reads, and bills each object while it reads', () => {
  const start = coldStart(plan)
  expect(start).toEqual({ bytes: 140e6, largestBytes: 80e6 })
  expect(coldStartSeconds(start, 20)).toBeCloseTo(4, 12)
  // 4 s and 3 s of the stages and 4 s of the router, 0.128 GB each at $12.50 a million GB-s.
  expect(coldStartDollars(start, 20)).toBeCloseTo(11 * 0.128 * 12.5e-6, 15)
})
