/** A binary min-heap of numbers. */
export class MinHeap {
  #keys = new Float64Array(64)
  #size = 0

  get size(): number {
    return this.#size
  }

  push(key: number): void {
    if (this.#size === this.#keys.length) {
      const grown = new Float64Array(this.#size * 2)
      grown.set(this.#keys)
      this.#keys = grown
    }
    const keys = this.#keys
    let child = this.#size++
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (keys[parent] <= key) break
      keys[child] = keys[parent]
      child = parent
    }
    keys[child] = key
  }

  /** Remove and return the smallest key of a heap that is not empty. */
  pop(): number {
    const keys = this.#keys
    const smallest = keys[0]
    const last = keys[--this.#size]
    const size = this.#size
    let parent = 0
    for (let child = 1; child < size; child = 2 * parent + 1) {
      if (child + 1 < size && keys[child + 1] < keys[child]) child++
      if (keys[child] >= last) break
      keys[parent] = keys[child]
      parent = child
    }
    keys[parent] = last
    return smallest
  }
}
