import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { PackError } from '../pack-error.ts'
import type { TensorReader } from '../tensor-reader.ts'
import { type Block, packBlock } from './block.ts'
import type { BlockResult } from './thread.ts'

/** Blocks that a thread has at hand: one to work on, and one more so that it need not wait. */
const BLOCKS_PER_THREAD = 2

/** Packs blocks with all cores: each thread reads what it packs by itself. */
export class BlockPool {
  readonly #reader: TensorReader
  readonly #threads: Thread[]

  /** With few blocks, threads take longer to start than they save, and `reader` reads for this one. */
  constructor(reader: TensorReader, blocks: number) {
    this.#reader = reader
    const threads = Math.min(availableParallelism(), Math.floor(blocks / BLOCKS_PER_THREAD))
    this.#threads = threads > 1 ? Array.from({ length: threads }, () => new Thread()) : []
  }

  /** The bytes of blocks, in their order, a few of them being made ahead. Throws PackError. */
  async *pack(blocks: Iterable<Block>): AsyncGenerator<Uint8Array> {
    const underWay: Promise<Uint8Array>[] = []
    let next = 0
    for (const block of blocks) {
      const thread = this.#threads[next++ % Math.max(this.#threads.length, 1)]
      const bytes = thread ? thread.pack(block) : packBlock(this.#reader, block)
      // It is awaited in its turn; until then an error must not count as unhandled.
      bytes.catch(() => {})
      underWay.push(bytes)
      if (underWay.length > this.#threads.length * BLOCKS_PER_THREAD) yield await underWay.shift()!
    }
    for (const bytes of underWay) yield await bytes
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()))
  }
}

/** Answers come in the order of the blocks. */
class Thread {
  readonly #worker = new Worker(new URL('./thread.ts', import.meta.url))
  readonly #waiting: { resolve(bytes: Uint8Array): void; reject(error: Error): void }[] = []
  #broken: Error | undefined

  constructor() {
    this.#worker.on('message', (result: BlockResult) => {
      const { resolve, reject } = this.#waiting.shift()!
      if ('bytes' in result) resolve(result.bytes)
      else reject(errorOf(result.failure))
    })
    this.#worker.on('error', (error: Error) => {
      this.#broken = error
      for (const { reject } of this.#waiting.splice(0)) reject(error)
    })
  }

  pack(block: Block): Promise<Uint8Array> {
    if (this.#broken) return Promise.reject(this.#broken)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(block)
    })
  }

  async stop(): Promise<void> {
    await this.#worker.terminate()
  }
}

function errorOf({ code, message }: Extract<BlockResult, { failure: unknown }>['failure']): Error {
  return code === undefined ? new Error(message) : new PackError(code, message)
}
