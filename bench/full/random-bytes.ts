import { createCipheriv } from 'node:crypto'

/** Bytes made at a time. */
const CHUNK = 16 << 20
const zeros = new Uint8Array(CHUNK)

/** An endless stream of random bytes that `seed` decides (AES-256 in counter mode), in chunks that the caller may change. */
export class RandomBytes {
  readonly #cipher: ReturnType<typeof createCipheriv>

  constructor(seed: number) {
    const key = new Uint8Array(32)
    new DataView(key.buffer).setFloat64(0, seed)
    this.#cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16))
  }

  next(bytes: number): Uint8Array {
    return new Uint8Array(this.#cipher.update(zeros.subarray(0, bytes)))
  }

  /** `total` bytes in parts of whole `unit`s. */
  *parts(total: number, unit: number): Generator<Uint8Array> {
    const part = Math.max(1, Math.floor(CHUNK / unit)) * unit
    if (part > CHUNK) throw new RangeError(`a unit of ${unit} bytes is more than is made at a time`)
    for (let done = 0; done < total; done += part) yield this.next(Math.min(part, total - done))
  }
}
