import { pause } from '../generate/pause.ts'
import { PipelineError, type PipelineErrorCode } from './pipeline-error.ts'

/**
 * What another attempt may mend. A stage finds no cache while it has not heard of the end of another session: for a moment, or up to the lease
 * of a session whose router is gone.
 */
const RECOVERABLE: readonly string[] = [
  'session_lost',
  'stage_unreachable',
  'no_kv_cache',
] satisfies PipelineErrorCode[]

/** A stage that restarts is back within seconds and has its weights a few seconds later. In all a little more than a lease. */
export const PAUSES_MS: readonly number[] = [0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 5000]

/** Repeat what a lost or restarting stage made fail, up to an end or the signal. `attempt` counts from 0. Throws its last error. */
export async function recover<T>(
  run: (attempt: number) => Promise<T>,
  signal = new AbortController().signal,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run(attempt)
    } catch (error) {
      const recoverable = error instanceof PipelineError && RECOVERABLE.includes(error.code)
      if (!recoverable || attempt === PAUSES_MS.length || signal.aborted) throw error
      await pause(PAUSES_MS[attempt], signal)
      if (signal.aborted) throw error
    }
  }
}
