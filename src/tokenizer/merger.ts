import { MinHeap } from './heap.ts'
import type { Tables } from './tables.ts'

// A heap key is rank * POSITIONS + position: lowest rank first, then leftmost. Ranks are below 2^21 (MAX_MERGES), so a
// key is exact in a float64.
const POSITIONS = 2 ** 32
const NONE = -1
/** Symbols whose working memory is kept for the next segment: an isolate is small, and a long segment is rare. */
const RETAINED = 8192
/** Symbols and merges between two chances for others to have their turn: 1 to 4 ms of work. */
const STEP = 16_384

/**
 * Byte-pair merging over the symbols of one segment: a linked list of symbols and a heap of the pairs that can merge, so
 * n symbols take O(n log n), however long the segment.
 */
export class Merger {
  readonly #tables: Tables
  #heap = new MinHeap()
  #ids = new Int32Array(RETAINED)
  #next = new Int32Array(RETAINED)
  #previous = new Int32Array(RETAINED)
  /** The merge of a symbol with its right neighbour, or NONE. */
  #merge = new Int32Array(RETAINED)
  #count = 0
  /** Symbols and merges since the last step ended. */
  #work = 0

  constructor(tables: Tables) {
    this.#tables = tables
  }

  /** Append a symbol to the segment. */
  add(id: number): void {
    if (this.#count === this.#ids.length) {
      const grown = new Int32Array(this.#count * 2)
      grown.set(this.#ids)
      this.#ids = grown
    }
    this.#ids[this.#count++] = id
    this.#work++
  }

  /**
   * Merge the symbols of the segment, append the resulting ids to `output`, and begin the next segment. Yields after each
   * step of work.
   */
  *finish(output: number[]): Generator<void> {
    if (this.#count === 0) return
    if (this.#next.length < this.#count) this.#allocateLinks(this.#ids.length)
    yield* this.#queueAll()
    yield* this.#mergeAll()
    for (let i = 0; i !== NONE; i = this.#next[i]) output.push(this.#ids[i])
    this.#count = 0
    if (this.#ids.length > RETAINED) this.#shrink()
  }

  *#queueAll(): Generator<void> {
    const last = this.#count - 1
    for (let i = 0; i <= last; i++) {
      this.#next[i] = i + 1
      this.#previous[i] = i - 1
    }
    this.#next[last] = NONE
    this.#merge[last] = NONE
    for (let i = 0; i < last; i++) {
      this.#consider(i, i + 1)
      this.#work++
      if (this.stepEnds) yield
    }
  }

  *#mergeAll(): Generator<void> {
    const ids = this.#ids
    const next = this.#next
    const previous = this.#previous
    const merge = this.#merge
    const heap = this.#heap
    const { mergeRank, mergeResult } = this.#tables
    while (heap.size > 0) {
      this.#work++
      if (this.stepEnds) yield
      const key = heap.pop()
      const rank = Math.floor(key / POSITIONS)
      const left = key - rank * POSITIONS
      const found = merge[left]
      // Stale: the pair that was queued here has since lost a side to another merge.
      if (found === NONE || mergeRank[found] !== rank) continue
      const right = next[left]
      const after = next[right]
      ids[left] = mergeResult[found]
      merge[left] = NONE
      merge[right] = NONE
      next[left] = after
      if (after !== NONE) {
        previous[after] = left
        this.#consider(left, after)
      }
      if (previous[left] !== NONE) this.#consider(previous[left], left)
    }
  }

  /** So much was done that others should have their turn; true once a step. */
  get stepEnds(): boolean {
    if (this.#work < STEP) return false
    this.#work = 0
    return true
  }

  #consider(left: number, right: number): void {
    const found = this.#find(this.#ids[left], this.#ids[right])
    this.#merge[left] = found
    if (found !== NONE) this.#heap.push(this.#tables.mergeRank[found] * POSITIONS + left)
  }

  #find(leftId: number, rightId: number): number {
    const { mergeStarts, mergeRight } = this.#tables
    let low = mergeStarts[leftId]
    let high = mergeStarts[leftId + 1] - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const id = mergeRight[middle]
      if (id === rightId) return middle
      if (id < rightId) low = middle + 1
      else high = middle - 1
    }
    return NONE
  }

  #allocateLinks(capacity: number): void {
    this.#next = new Int32Array(capacity)
    this.#previous = new Int32Array(capacity)
    this.#merge = new Int32Array(capacity)
  }

  #shrink(): void {
    this.#ids = new Int32Array(RETAINED)
    this.#allocateLinks(RETAINED)
    this.#heap = new MinHeap()
  }
}
