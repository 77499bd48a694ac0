import { describe, expect, it } from 'vitest'
import type { Plan } from '../pipeline/stage-plan.ts'
import { edgeCost, gpuCost } from './cost.ts'
import { prices } from './prices.ts'

const memory = { weightBytes: 0, kvBytes: 0, scratchBytes: 0, memoryBytes: 0 }
const plan: Plan = {
  ...{ name: 'model', contextLength: 1, sessions: 1, chunkLength: 1 },
  stages: [
    { kind: 'layers', first: 0, count: 1, ...memory },
    { kind: 'layers', first: 1, count: 1, ...memory },
    { kind: 'head', firstRow: 0, rows: 32, ...memory },
    { kind: 'head', firstRow: 32, rows: 32, ...memory },
  ],
}

describe('edgeCost', () => {
  const cost = edgeCost(plan, [0.1, 0.2, 0.03, 0.05], 1000)

  it('waits for layers one after another and for the slower slice of the head', () => {
    expect(cost.cpuSeconds).toBeCloseTo(0.38, 12)
    expect(cost.wallSeconds).toBeCloseTo(0.35, 12)
  })

  it('bills a request to each stage a token, and 128 MB of stages and router while they work', () => {
    // 4,001 requests at $0.15 a million and one to a Worker at $0.30; 730 s x 0.128 GB at $12.50 a million GB-s.
    expect(cost.requests).toBeCloseTo(0.00060045, 12)
    expect(cost.duration).toBeCloseTo(0.001168, 12)
    expect(cost.total).toBe(cost.requests + cost.duration)
  })
})

it('a GPU reads two bytes a weight for every token', () => {
  const gpu = { ...prices.gpus[0], dollarsPerHour: 3.6, gigabytesPerSecond: 1000 }
  const { tokensPerSecond, alone, shared } = gpuCost(gpu, 3.85e9, 1000)
  expect(tokensPerSecond).toBeCloseTo(100, 10)
  expect(alone).toBeCloseTo(0.01, 12)
  expect(shared).toBeCloseTo(0.01 / 6.6, 12)
})
