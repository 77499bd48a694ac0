// A thread that packs blocks (pool.ts).
import { parentPort } from 'node:worker_threads'
import { PackError } from '../pack-error.ts'
import { TensorReader } from '../tensor-reader.ts'
import { type Block, packBlock } from './block.ts'

export type BlockResult =
  | { readonly bytes: Uint8Array }
  | { readonly failure: { readonly code: PackError['code'] | undefined; readonly message: string } }

const reader = new TensorReader()

// One after the other: answers carry no number.
let last = Promise.resolve()
parentPort!.on('message', (block: Block) => {
  last = last.then(() => answer(block))
})

async function answer(block: Block): Promise<void> {
  try {
    const bytes = await packBlock(reader, block)
    parentPort!.postMessage({ bytes } satisfies BlockResult, [bytes.buffer as ArrayBuffer])
  } catch (error) {
    const code = error instanceof PackError ? error.code : undefined
    const message = (error as Error).message
    parentPort!.postMessage({ failure: { code, message } } satisfies BlockResult)
  }
}
