import type { Plan } from '../pipeline/stage-plan.ts'
import { type GpuPrice, gpuDecoding, prices } from './prices.ts'

export interface EdgeCost {
  /** All stages. */
  readonly cpuSeconds: number
  /** From one token to the next: the slices of the head work at once. */
  readonly wallSeconds: number
  /** Dollars for the whole answer. */
  readonly requests: number
  readonly duration: number
  readonly total: number
}

/**
 * Dollars for one answer of `tokens` generated tokens on Cloudflare. `stageSeconds`: what each stage computes for a token. Stages are billed while they compute, the router while it waits
 * for them; the network between objects, and the Worker in front of the router, which only passes requests on, are not counted.
 */
export function edgeCost(plan: Plan, stageSeconds: readonly number[], tokens: number): EdgeCost {
  const secondsOf = (kind: string) => stageSeconds.filter((_, i) => plan.stages[i].kind === kind)
  const layers = sum(secondsOf('layers'))
  const heads = secondsOf('head')
  const cpuSeconds = layers + sum(heads)
  const wallSeconds = layers + Math.max(...heads)
  const { workers, durableObjects } = prices
  const requests =
    (workers.dollarsPerMillionRequests + (1 + tokens * plan.stages.length) * durableObjects.dollarsPerMillionRequests) /
    1e6
  const gigabyteSeconds = tokens * (cpuSeconds + wallSeconds) * durableObjects.gigabytes
  const duration = (gigabyteSeconds * durableObjects.dollarsPerMillionGigabyteSeconds) / 1e6
  return { cpuSeconds, wallSeconds, requests, duration, total: requests + duration }
}

export interface GpuCost {
  readonly tokensPerSecond: number
  /** Dollars for `tokens` tokens, at one request and at several at once; an idle hour costs the same as a busy one. */
  readonly alone: number
  readonly shared: number
}

/** `weights`: those read for one token, of two bytes each. */
export function gpuCost({ dollarsPerHour, gigabytesPerSecond }: GpuPrice, weights: number, tokens: number): GpuCost {
  const tokensPerSecond = (gpuDecoding.shareOfBandwidth * gigabytesPerSecond * 1e9) / (2 * weights)
  const alone = ((dollarsPerHour / 3600) * tokens) / tokensPerSecond
  return { tokensPerSecond, alone, shared: alone / gpuDecoding.gainOfRequestsAtOnce }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
