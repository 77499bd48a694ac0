/** Many times any cache. */
const BYTES = 320 * 2 ** 20
const PAGE_BYTES = 65536
/** The random numbers are made once and laid side by side: only that every page is real memory matters. */
const PATTERN_BYTES = 2 ** 20

/** A plain read of memory as the weights are read, front to back on one thread: the roofline, in any runtime. */
export class ReadWorkload {
  readonly #read: (pointer: number, bytes: number) => number

  private constructor(read: (pointer: number, bytes: number) => number) {
    this.#read = read
  }

  /** `module`: bench/assembly/read.ts. */
  static async create(module: WebAssembly.Module): Promise<ReadWorkload> {
    const pages = BYTES / PAGE_BYTES
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const pattern = new Uint32Array(PATTERN_BYTES / 4).map((_, i) => Math.imul(i, 2654435761))
    for (let at = 0; at < BYTES; at += PATTERN_BYTES) new Uint32Array(memory.buffer, at).set(pattern)
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } })
    return new ReadWorkload(exports.read as (pointer: number, bytes: number) => number)
  }

  /** Reads all of it; returns how many bytes that is. */
  read(): number {
    this.#read(0, BYTES)
    return BYTES
  }
}
