import { z } from 'zod'

const most = z.int().positive().optional()

/** What a key, or an address without one, may ask of the server; what is left out is not limited. */
export const limitFields = {
  requestsPerMinute: most,
  tokensPerMinute: most,
  /** Of a day of UTC. */
  tokensPerDay: most,
  /** Answers that go on at once, streamed or not. */
  streams: most,
}

export type Limits = z.infer<z.ZodObject<typeof limitFields>>

/** What every address may ask of a deployment that serves strangers: a chat by hand, not a workload. */
export const STRANGER_LIMITS: Limits = {
  requestsPerMinute: 10,
  tokensPerMinute: 4000,
  tokensPerDay: 40_000,
  streams: 2,
}
