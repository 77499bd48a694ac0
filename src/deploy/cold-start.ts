import type { Plan } from '../pipeline/stage-plan.ts'
import { prices } from './prices.ts'

/**
 * Rates at which a script may read its static assets, MB/s: an assumption, since Cloudflare states none. A workerd on one machine reads at
 * thousands.
 */
export const READ_RATES = [100, 25] as const

export interface ColdStart {
  /** What all stages read, in bytes. */
  readonly bytes: number
  /** What the one with most to read reads: the others are ready before it. */
  readonly largestBytes: number
}

/** What the stages of a plan read when none has its weights. */
export function coldStart({ stages }: Plan): ColdStart {
  const weights = stages.map(({ weightBytes }) => weightBytes)
  return { bytes: weights.reduce((sum, bytes) => sum + bytes, 0), largestBytes: Math.max(...weights) }
}

/** Until every stage has its weights, at a rate for each: all read at once. */
export function coldStartSeconds({ largestBytes }: ColdStart, megabytesPerSecond: number): number {
  return largestBytes / (megabytesPerSecond * 1e6)
}

/** Dollars for the objects that read, each as long as it does, and for the router that waits. */
export function coldStartDollars({ bytes, largestBytes }: ColdStart, megabytesPerSecond: number): number {
  const { gigabytes, dollarsPerMillionGigabyteSeconds } = prices.durableObjects
  const objectSeconds = (bytes + largestBytes) / (megabytesPerSecond * 1e6)
  return (objectSeconds * gigabytes * dollarsPerMillionGigabyteSeconds) / 1e6
}
