import { MAX_COLUMNS } from '../../assembly/layout.ts'
import { type Arena, Arena as WasmArena } from '../../src/model/arena.ts'
import { instantiateKernels, type KernelModules, type Kernels } from '../../src/model/kernels.ts'
import { entryMax } from '../../src/model/matrix.ts'
import { type PlaneFormat, planesBytes } from '../../src/weights/plane-layout.ts'

/** The widest matrix of Nanbeige4-3B: its gate and up projections. */
const ROWS = 10496
const COLS = 2560
/** So few of its rows that any second-level cache holds them: 368 kB at 4 planes in groups of 32. */
const CACHED_ROWS = 256
/** Weights to walk through: many times any cache. */
const WEIGHT_BYTES = 320 * 2 ** 20

export interface KernelRun extends PlaneFormat {
  /** Activation vectors at once. */
  readonly columns: number
  readonly repeats: number
  /** Where the weights are: in memory, all rows, or in the cache, the first of them. */
  readonly from: 'memory' | 'cache'
}

const rowsOf = ({ from }: KernelRun) => (from === 'cache' ? CACHED_ROWS : ROWS)

/** The matrix kernel on random weights streamed from memory, and a plain read of the same memory, in any runtime. */
export class KernelWorkload {
  readonly #kernels: Kernels
  readonly #read: (pointer: number, bytes: number) => number
  readonly #x: number
  readonly #y: number
  readonly #tables: number
  readonly #weights: number
  #built = ''

  private constructor(arena: Arena, kernels: Kernels, read: (pointer: number, bytes: number) => number) {
    this.#kernels = kernels
    this.#read = read
    this.#x = arena.allocate(MAX_COLUMNS * COLS * 4)
    this.#y = arena.allocate(MAX_COLUMNS * ROWS * 4)
    this.#tables = arena.allocate(kernels.tableBytes(COLS, MAX_COLUMNS, 32))
    this.#weights = arena.allocate(WEIGHT_BYTES)
    arena.floats(this.#x, MAX_COLUMNS * COLS).forEach((_, i, x) => {
      x[i] = Math.sin(i * 12.9898) * 2
    })
    // Any bits are valid indexes; as half floats they are finite and, like a model's scales, not subnormal, which costs extra.
    let state = 1
    arena.ints(this.#weights, WEIGHT_BYTES / 4).forEach((_, i, weights) => {
      state = Math.imul(state, 1664525) + 1013904223
      weights[i] = (state & 0x3fff3fff) | 0x20002000
    })
  }

  static async create(modules: KernelModules, readModule: WebAssembly.Module): Promise<KernelWorkload> {
    const sizes = await instantiateKernels(modules, new WasmArena(0).memory)
    const scratch = MAX_COLUMNS * (COLS + ROWS) * 4 + sizes.tableBytes(COLS, MAX_COLUMNS, 32)
    const arena = new WasmArena(WEIGHT_BYTES + scratch + 1024)
    const kernels = await instantiateKernels(modules, arena.memory)
    const { exports } = await WebAssembly.instantiate(readModule, { env: { memory: arena.memory } })
    return new KernelWorkload(arena, kernels, exports.read as (pointer: number, bytes: number) => number)
  }

  /** Weights multiplied by this many runs, each by one column. */
  static weights(run: KernelRun): number {
    return rowsOf(run) * COLS * run.columns * run.repeats
  }

  /** Each repeat takes the next matrix in memory, so that it comes from DRAM; or the same again, which then stays in the cache. */
  run(run: KernelRun): void {
    const { planes, groupSize, hasMin, stepped = false, columns, repeats, from } = run
    const tables = `${groupSize} ${columns} ${entryMax(run)}`
    if (this.#built !== tables)
      this.#kernels.buildTables(this.#tables, this.#x, COLS, columns, groupSize, entryMax(run))
    this.#built = tables
    const bytes = planesBytes(ROWS, COLS, run)
    const matrices = from === 'cache' ? 1 : Math.floor(WEIGHT_BYTES / bytes)
    const rows = rowsOf(run)
    for (let i = 0; i < repeats; i++) {
      const w = this.#weights + (i % matrices) * bytes
      this.#kernels.matmul(
        this.#y,
        w,
        this.#tables,
        rows,
        COLS,
        columns,
        ROWS * 4,
        planes,
        groupSize,
        0,
        hasMin,
        stepped,
      )
    }
  }

  /** Reads all the weights; returns how many bytes those are. */
  read(): number {
    this.#read(this.#weights, WEIGHT_BYTES)
    return WEIGHT_BYTES
  }
}
