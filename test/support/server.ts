import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'

/** The real Worker with the embedded model, on a free port. */
export function startServer(): Promise<RunningWorker> {
  return startWorker({ port: 0 })
}
