import { TILE_ROWS } from '../../assembly/layout.ts'
import { Arena, align } from '../model/arena.ts'
import { instantiateKernels, type KernelModules, type Kernels, type Pointer } from '../model/kernels.ts'
import { readSpan } from '../weights/load-tensors.ts'
import type { PlanesTensor } from '../weights/manifest.ts'
import { planeFormat, tileBytes } from '../weights/plane-layout.ts'
import type { WeightStore } from '../weights/weight-store.ts'

/** Bytes of pages to hold: what a conversation keeps using is far less than the whole vocabulary. */
export const EMBEDDING_CACHE_BYTES = 12 * 2 ** 20

interface Page {
  readonly slot: Pointer
  readonly ready: Promise<void>
  isReady: boolean
}

/** Rows of an embedding that is not held in memory: read in pages, which are the tensor's spans, the least recently used dropped. */
export class EmbeddingPages {
  readonly #store: WeightStore
  readonly #tensor: PlanesTensor
  readonly #arena: Arena
  readonly #kernels: Kernels
  /** First row of each page. */
  readonly #firstRows: readonly number[]
  readonly #row: Pointer
  readonly #free: Pointer[]
  readonly #slots: number
  /** By index of the span, the least recently used first. */
  readonly #pages = new Map<number, Page>()

  private constructor(store: WeightStore, tensor: PlanesTensor, arena: Arena, kernels: Kernels, slots: number) {
    this.#store = store
    this.#tensor = tensor
    this.#arena = arena
    this.#kernels = kernels
    this.#slots = slots
    const tile = tileBytes(tensor.shape[1], planeFormat(tensor))
    let row = 0
    this.#firstRows = tensor.spans.map(({ bytes }) => {
      const first = row
      row += (bytes / tile) * TILE_ROWS
      return first
    })
    this.#row = arena.allocate(tensor.shape[1] * 4)
    this.#free = Array.from({ length: slots }, () => arena.allocate(largestSpan(tensor)))
  }

  /** `cacheBytes`: of all pages held; one is held at least. */
  static async create(
    store: WeightStore,
    tensor: PlanesTensor,
    modules: KernelModules,
    cacheBytes = EMBEDDING_CACHE_BYTES,
  ): Promise<EmbeddingPages> {
    const page = align(largestSpan(tensor))
    const slots = Math.min(Math.max(Math.floor(cacheBytes / page), 1), tensor.spans.length)
    const arena = new Arena(slots * page + align(tensor.shape[1] * 4))
    return new EmbeddingPages(store, tensor, arena, await instantiateKernels(modules, arena.memory), slots)
  }

  /** (ids.length, hiddenSize) f32. Throws WeightsError. */
  async rows(ids: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const hiddenSize = this.#tensor.shape[1]
    const rows = new Float32Array(ids.length * hiddenSize)
    for (let first = 0; first < ids.length; first += this.#slots) {
      const batch = ids.slice(first, first + this.#slots)
      // Side by side: each is a request. Others may push them out again before their turn comes, so each is looked up anew.
      await Promise.all(batch.map((id) => this.#page(this.#pageOf(id))))
      for (const [i, id] of batch.entries()) {
        await this.#read(id, rows.subarray((first + i) * hiddenSize, (first + i + 1) * hiddenSize))
      }
    }
    return rows
  }

  /** `out` <- the row, with nothing in between that could let another row into the buffer. */
  async #read(id: number, out: Float32Array): Promise<void> {
    const index = this.#pageOf(id)
    for (;;) {
      const page = await this.#page(index)
      if (this.#pages.get(index) !== page) continue
      const { shape, zeroPoint } = this.#tensor
      const { planes, groupSize, hasMin, stepped } = planeFormat(this.#tensor)
      const row = id - this.#firstRows[index]
      const at = [this.#row, page.slot, row, shape[1]] as const
      this.#kernels.embeddingRow(...at, planes, groupSize, zeroPoint ?? 0, hasMin, stepped === true)
      out.set(this.#arena.floats(this.#row, shape[1]))
      return
    }
  }

  #pageOf(id: number): number {
    return this.#firstRows.findLastIndex((first) => first <= id)
  }

  async #page(index: number): Promise<Page> {
    for (;;) {
      const held = this.#pages.get(index)
      if (held) {
        this.#pages.delete(index)
        this.#pages.set(index, held)
        await held.ready
        return held
      }
      const slot = this.#takeSlot()
      if (slot !== undefined) this.#pages.set(index, this.#load(index, slot))
      // All are being read: one of them has to be there before it can make room.
      else await Promise.race([...this.#pages.values()].map(({ ready }) => ready.catch(() => {})))
    }
  }

  /** A slot that nothing is being read to; the page that was in it is forgotten. */
  #takeSlot(): Pointer | undefined {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const oldest = [...this.#pages].find(([, page]) => page.isReady)
    if (oldest) this.#pages.delete(oldest[0])
    return oldest?.[1].slot
  }

  #load(index: number, slot: Pointer): Page {
    const ready = readSpan(this.#store, this.#tensor.spans[index]).then(
      (bytes) => {
        this.#arena.bytes(slot, bytes.length).set(bytes)
        page.isReady = true
      },
      (error) => {
        this.#pages.delete(index)
        this.#free.push(slot)
        throw error
      },
    )
    const page: Page = { slot, ready, isReady: false }
    return page
  }
}

function largestSpan({ spans }: PlanesTensor): number {
  return Math.max(...spans.map(({ bytes }) => bytes))
}
