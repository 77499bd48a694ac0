import { TILE_ROWS } from '../../assembly/layout.ts'
import { Arena, align } from '../model/arena.ts'
import { instantiateKernels, type KernelModules, type Kernels, type Pointer } from '../model/kernels.ts'
import { readSpan } from '../weights/load-tensors.ts'
import type { PlanesTensor, Span } from '../weights/manifest.ts'
import { planeFormat, tileBytes } from '../weights/plane-layout.ts'
import type { WeightStore } from '../weights/weight-store.ts'

/** Bytes of pages to hold: what a conversation keeps using is far less than the whole vocabulary. */
export const EMBEDDING_CACHE_BYTES = 12 * 2 ** 20

/** Rows of one band that lie together in a file. */
interface Place {
  readonly band: PlanesTensor
  readonly span: Span
  /** Of the whole matrix. */
  readonly firstRow: number
}

interface Page {
  readonly slot: Pointer
  readonly ready: Promise<void>
  isReady: boolean
}

/** Rows of an embedding that is not held in memory: read in pages, which are the spans of its bands, the least recently used dropped. */
export class EmbeddingPages {
  readonly #store: WeightStore
  readonly #arena: Arena
  readonly #kernels: Kernels
  readonly #places: readonly Place[]
  readonly #hiddenSize: number
  readonly #row: Pointer
  readonly #free: Pointer[]
  readonly #slots: number
  /** By index of the place, the least recently used first. */
  readonly #pages = new Map<number, Page>()

  private constructor(store: WeightStore, places: readonly Place[], arena: Arena, kernels: Kernels, slots: number) {
    this.#store = store
    this.#arena = arena
    this.#kernels = kernels
    this.#slots = slots
    this.#places = places
    this.#hiddenSize = places[0].band.shape[1]
    this.#row = arena.allocate(this.#hiddenSize * 4)
    this.#free = Array.from({ length: slots }, () => arena.allocate(largestPage(places)))
  }

  /** `cacheBytes`: of all pages held; one is held at least. */
  static async create(
    store: WeightStore,
    bands: readonly PlanesTensor[],
    modules: KernelModules,
    cacheBytes = EMBEDDING_CACHE_BYTES,
  ): Promise<EmbeddingPages> {
    const places = placesOf(bands)
    const page = align(largestPage(places))
    const slots = Math.min(Math.max(Math.floor(cacheBytes / page), 1), places.length)
    const arena = new Arena(slots * page + align(bands[0].shape[1] * 4))
    return new EmbeddingPages(store, places, arena, await instantiateKernels(modules, arena.memory), slots)
  }

  /** (ids.length, hiddenSize) f32. Throws WeightsError. */
  async rows(ids: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const hiddenSize = this.#hiddenSize
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
      const { band, firstRow } = this.#places[index]
      const { planes, groupSize, hasMin, stepped } = planeFormat(band)
      const at = [this.#row, page.slot, id - firstRow, this.#hiddenSize] as const
      this.#kernels.embeddingRow(...at, planes, groupSize, band.zeroPoint ?? 0, hasMin, stepped === true)
      out.set(this.#arena.floats(this.#row, this.#hiddenSize))
      return
    }
  }

  #pageOf(id: number): number {
    return this.#places.findLastIndex(({ firstRow }) => firstRow <= id)
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
    const ready = readSpan(this.#store, this.#places[index].span).then(
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

function placesOf(bands: readonly PlanesTensor[]): Place[] {
  let end = 0
  return bands.flatMap((band) => {
    const [rows, cols] = band.shape
    const tile = tileBytes(cols, planeFormat(band))
    let firstRow = end
    end += rows
    return band.spans.map((span) => {
      const place = { band, span, firstRow }
      firstRow += (span.bytes / tile) * TILE_ROWS
      return place
    })
  })
}

function largestPage(places: readonly Place[]): number {
  return Math.max(...places.map(({ span }) => span.bytes))
}
