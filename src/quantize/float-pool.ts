import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { align, memorySize } from '../model/arena.ts'
import type { Pointer } from '../model/kernels.ts'
import { PackError } from '../pack/pack-error.ts'
import type { FloatJob } from './float-kernels.ts'
import type { FloatAnswer, FloatThreadData } from './float-thread.ts'

/** What the build allows a shared memory to be at most: dist/float.wasm states it. */
const MAX_PAGES = 65535
const PAGE_BYTES = 65536
/** The first page belongs to the kernels' own constants. */
const FIRST_FREE = PAGE_BYTES

/** Float kernels on all cores over one shared memory, which is given out front to back. */
export class FloatPool {
  readonly #memory: WebAssembly.Memory
  readonly #threads: Worker[]
  #next = FIRST_FREE

  /** `bytes`: of all later allocations, each rounded up by `align`; `scratchColumns`: columns of the widest matrix to be quantized; `threads`: at most. Throws PackError. */
  static async create(bytes: number, scratchColumns: number, threads = availableParallelism()): Promise<FloatPool> {
    const path = new URL('../../dist/float.wasm', import.meta.url)
    const code = await readFile(path).catch(() => {
      throw new PackError('file_missing', `${path.pathname} is missing; run \`npm run build\` first`)
    })
    const module = await WebAssembly.compile(code)
    const sizes = await WebAssembly.instantiate(module, { env: { memory: sharedMemory(1) } })
    const { quantizeScratchBytes } = sizes.exports as { quantizeScratchBytes(cols: number): number }
    // Attention has a score for each token of a sequence, which is less.
    const scratch = align(quantizeScratchBytes(scratchColumns))
    const pagesFor = (count: number) => memorySize(bytes + count * scratch) / PAGE_BYTES
    if (pagesFor(1) > MAX_PAGES) {
      throw new PackError(
        'option_invalid',
        `calibration takes ${Math.ceil(pagesFor(1) / 16)} MiB of shared memory where 4095 are the most; give a shorter text`,
      )
    }
    // Where there are more cores than memory for them, some have nothing to do.
    const room = Math.floor(((MAX_PAGES - pagesFor(0)) * PAGE_BYTES) / scratch)
    const count = Math.min(threads, Math.max(1, room))
    return new FloatPool(module, sharedMemory(pagesFor(count)), scratch, count)
  }

  private constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, scratch: number, threads: number) {
    this.#memory = memory
    this.#threads = Array.from({ length: threads }, () => {
      const workerData: FloatThreadData = { module, memory, scratch: this.allocate(scratch) }
      const thread = new Worker(new URL('./float-thread.ts', import.meta.url), { workerData })
      thread.setMaxListeners(0)
      return thread
    })
  }

  allocate(bytes: number): Pointer {
    const pointer = this.#next
    this.#next += align(bytes)
    if (this.#next > this.#memory.buffer.byteLength) throw new RangeError(`no room for ${bytes} bytes`)
    return pointer
  }

  /** Values in memory of their own. */
  put(values: Float32Array): Pointer {
    const pointer = this.allocate(values.byteLength)
    this.floats(pointer, values.length).set(values)
    return pointer
  }

  /** Everything allocated since `mark` was the next pointer is free again. */
  mark(): Pointer {
    return this.#next
  }

  release(mark: Pointer): void {
    this.#next = mark
  }

  floats(pointer: Pointer, length: number): Float32Array {
    return new Float32Array(this.#memory.buffer, pointer, length)
  }

  bytes(pointer: Pointer, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, pointer, length)
  }

  /** Run jobs, which must not depend on each other; the values of their last calls. What they compute is the same however many threads there are. */
  async run(jobs: readonly FloatJob[]): Promise<(number | undefined)[]> {
    const values: (number | undefined)[] = new Array(jobs.length)
    let next = 0
    const work = async (thread: Worker) => {
      while (next < jobs.length) {
        const index = next++
        values[index] = await call(thread, jobs[index])
      }
    }
    await Promise.all(this.#threads.map(work))
    return values
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
  }
}

function sharedMemory(pages: number): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES, shared: true })
}

function call(thread: Worker, job: FloatJob): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => reject(error)
    thread.once('error', failed)
    thread.once('message', (answer: FloatAnswer) => {
      thread.off('error', failed)
      if ('error' in answer) reject(new Error(answer.error))
      else resolve(answer.value)
    })
    thread.postMessage(job)
  })
}
