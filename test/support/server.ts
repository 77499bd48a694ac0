import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'

/** The real Worker with the embedded model, on a free port. */
export function startServer(vars?: Readonly<Record<string, string | number>>): Promise<RunningWorker> {
  return startWorker({ port: 0, vars })
}
