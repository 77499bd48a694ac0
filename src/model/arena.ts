import type { Pointer } from './kernels.ts'

/** Bytes at the start of Wasm memory that belong to the kernels' own constants. */
const RESERVED_BYTES = 65536
const PAGE_BYTES = 65536
const ALIGNMENT = 64
/** A 32-bit pointer to the end of the last page of 4 GiB would be 0. */
export const MAX_MEMORY_BYTES = 2 ** 32 - PAGE_BYTES

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT
}

/** Bytes of the Wasm memory of an arena for `bytes` bytes of allocations. */
export function memorySize(bytes: number): number {
  return Math.ceil((RESERVED_BYTES + bytes) / PAGE_BYTES) * PAGE_BYTES
}

/** A Wasm memory of fixed size, given out front to back: what a stage needs is known before it starts, and is never freed. */
export class Arena {
  readonly memory: WebAssembly.Memory
  #next = RESERVED_BYTES

  /** `bytes`: the sum of all later allocations, each rounded up by `align`. */
  constructor(bytes: number) {
    const pages = memorySize(bytes) / PAGE_BYTES
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  }

  allocate(bytes: number): Pointer {
    const pointer = this.#next
    this.#next += align(bytes)
    if (this.#next > this.memory.buffer.byteLength) throw new RangeError(`arena is full: ${bytes} bytes asked for`)
    return pointer
  }

  bytes(pointer: Pointer, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, pointer, length)
  }

  floats(pointer: Pointer, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, length)
  }

  ints(pointer: Pointer, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, pointer, length)
  }
}

/** Counts what is allocated from it, by the code that allocates from another: it has no memory to read or write. */
export class CountingArena extends Arena {
  #total = 0

  constructor() {
    super(0)
  }

  /** Bytes for the constructor of an arena that has room for all that was allocated. */
  get total(): number {
    return this.#total
  }

  override allocate(bytes: number): Pointer {
    const pointer = RESERVED_BYTES + this.#total
    this.#total += align(bytes)
    return pointer
  }
}
