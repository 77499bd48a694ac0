import { readFile } from 'node:fs/promises'
import { ALIGNMENT } from '../../assembly/layout.ts'
import { instantiateKernels, type KernelModules, type Kernels } from '../../src/model/kernels.ts'

const PAGE_BYTES = 65536
/** The first page belongs to the kernels' own constants. */
const FIRST_FREE = PAGE_BYTES
const PAGES = 32
/** As a float it is NaN and as a half float it is no number that the packer writes, so that a stray read spoils the result. */
const POISON = 0xff
/** Bytes behind every argument that must stay poison. */
const GUARD_BYTES = 64

/**
 * Arguments of one kernel call in Wasm memory: typed arrays, whose byteOffset is the pointer. A number as content means so
 * many elements left as poison, for outputs.
 */
export class Arguments {
  readonly #buffer: ArrayBufferLike
  readonly #guards: Uint8Array[] = []
  #next = FIRST_FREE

  constructor(memory: WebAssembly.Memory) {
    this.#buffer = memory.buffer
    new Uint8Array(this.#buffer, FIRST_FREE).fill(POISON)
  }

  floats(content: number | ArrayLike<number>): Float32Array {
    const length = typeof content === 'number' ? content : content.length
    const array = new Float32Array(this.#buffer, this.#allocate(length * 4), length)
    if (typeof content !== 'number') array.set(content)
    return array
  }

  bytes(content: number | Uint8Array): Uint8Array {
    const length = typeof content === 'number' ? content : content.length
    const array = new Uint8Array(this.#buffer, this.#allocate(length), length)
    if (typeof content !== 'number') array.set(content)
    return array
  }

  ints(length: number): Int32Array {
    return new Int32Array(this.#buffer, this.#allocate(length * 4), length)
  }

  /** @throws RangeError where a kernel wrote behind one of its arguments. */
  checkGuards(): void {
    this.#guards.forEach((guard, i) => {
      const at = guard.findIndex((byte) => byte !== POISON)
      if (at !== -1) throw new RangeError(`wrote ${at + 1} bytes behind the end of argument ${i} of the memory`)
    })
  }

  #allocate(bytes: number): number {
    const pointer = this.#next
    const end = pointer + bytes
    this.#next = Math.ceil((end + GUARD_BYTES) / ALIGNMENT) * ALIGNMENT
    this.#guards.push(new Uint8Array(this.#buffer, end, this.#next - end))
    return pointer
  }
}

/** One build of the kernels. */
export interface KernelBuild {
  readonly build: string
  readonly kernels: Kernels
  /** Calls `use` with fresh memory; its arrays are valid until the next run. Throws if a kernel wrote outside of them. */
  run<T>(use: (memory: Arguments) => T): T
}

async function openBuild(modules: KernelModules, build: keyof KernelModules): Promise<KernelBuild> {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
  const kernels = await instantiateKernels(modules, memory, build)
  const run = <T>(use: (memory: Arguments) => T): T => {
    const args = new Arguments(memory)
    const result = use(args)
    args.checkGuards()
    return result
  }
  return { build, kernels, run }
}

async function compileBuilds(): Promise<KernelModules> {
  const compile = async (build: string) =>
    WebAssembly.compile(await readFile(new URL(`../../dist/kernels.${build}.wasm`, import.meta.url)))
  return { relaxed: await compile('relaxed'), plain: await compile('plain') }
}

/** Both builds as scripts/build-kernels.ts left them in dist/. */
export async function openBuilds(): Promise<KernelBuild[]> {
  const modules = await compileBuilds()
  return [await openBuild(modules, 'relaxed'), await openBuild(modules, 'plain')]
}

/** The relaxed build, made to add products of bytes in the way that it did not choose for this processor. */
export async function openOtherDots(): Promise<KernelBuild> {
  const opened = await openBuild(await compileBuilds(), 'relaxed')
  const { fused } = opened.kernels
  fused.value = 1 - fused.value
  return { ...opened, build: 'relaxed, other dots' }
}
