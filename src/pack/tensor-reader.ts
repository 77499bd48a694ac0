import type { FileHandle } from 'node:fs/promises'
import type { SourceTensor } from './model-source.ts'
import { fileTruncated, openFile } from './open-file.ts'
import { storedBytes } from './tensor-types/block-type.ts'
import { ggufType } from './tensor-types/types.ts'

/** Reads the weights of a checkpoint's tensors. */
export class TensorReader {
  /** By path. */
  readonly #files = new Map<string, Promise<FileHandle>>()

  /** Bytes of weights `first` up to `first + count` as the file has them, both whole blocks of its type. Throws PackError. */
  async readStored({ name, path, offset, type }: SourceTensor, first: number, count: number): Promise<Uint8Array> {
    const file = await this.#open(path)
    const start = offset + storedBytes(ggufType(type)!, first)
    const bytes = new Uint8Array(storedBytes(ggufType(type)!, count))
    let done = 0
    while (done < bytes.length) {
      const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done)
      if (bytesRead === 0) throw fileTruncated(path, `tensor ${name}`)
      done += bytesRead
    }
    return bytes
  }

  /** The same as float32. */
  async readWeights(tensor: SourceTensor, first: number, count: number): Promise<Float32Array> {
    const weights = new Float32Array(count)
    ggufType(tensor.type)!.dequantize(await this.readStored(tensor, first, count), weights)
    return weights
  }

  async close(): Promise<void> {
    const opened = await Promise.allSettled(this.#files.values())
    await Promise.all(opened.map((file) => file.status === 'fulfilled' && file.value.close()))
  }

  #open(path: string): Promise<FileHandle> {
    const file = this.#files.get(path) ?? openFile(path)
    this.#files.set(path, file)
    return file
  }
}
