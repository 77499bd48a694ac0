// A thread that runs float kernels over the memory of float-pool.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { type FloatJob, type FloatKernels, NEEDS_SCRATCH } from './float-kernels.ts'

export interface FloatThreadData {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly scratch: number
}

/** What the last call of a job returned; `error`: a kernel trapped. */
export type FloatAnswer = { readonly value: number | undefined } | { readonly error: string }

const { module, memory, scratch } = workerData as FloatThreadData
const { exports } = await WebAssembly.instantiate(module, { env: { memory } })

parentPort!.on('message', (job: FloatJob) => parentPort!.postMessage(run(job)))

function run(job: FloatJob): FloatAnswer {
  try {
    let value: number | undefined
    for (const [name, ...args] of job) {
      const kernel = exports[name as keyof FloatKernels] as (...args: unknown[]) => number | undefined
      value = NEEDS_SCRATCH.has(name) ? kernel(...args, scratch) : kernel(...args)
    }
    return { value }
  } catch (error) {
    return { error: `${job.map(([name]) => name).join(', ')}: ${(error as Error).message}` }
  }
}
