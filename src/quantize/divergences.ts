/** KL of some models from the first of them at the same positions, from logits that come some of the vocabulary at a time. */
export class Divergences {
  readonly #positions: number
  readonly #models: number
  /** Of model m at position p, at m * positions + p: sum of exp(logit), and over exp of the first model's logits of its logit less this one. */
  readonly #sums: Float64Array
  readonly #weighted: Float64Array
  /** Of the first model, by position: what the logits are lowered by, the largest of the first part, so that exp overflows nowhere. */
  readonly #offsets: Float64Array
  #begun = false

  /** models: the first is the exact one; another, whose logits come apart, follows them. */
  constructor(positions: number, models: number) {
    this.#positions = positions
    this.#models = models
    this.#sums = new Float64Array((models + 1) * positions)
    this.#weighted = new Float64Array((models + 1) * positions)
    this.#offsets = new Float64Array(positions)
  }

  /** logits (models, positions, rows), another (positions, rows): of the next `rows` tokens of the vocabulary. */
  add(logits: Float32Array, another: Float32Array, rows: number): void {
    const positions = this.#positions
    if (!this.#begun) {
      for (let p = 0; p < positions; p++) {
        this.#offsets[p] = logits
          .subarray(p * rows, (p + 1) * rows)
          .reduce((top, logit) => Math.max(top, logit), -Infinity)
      }
      this.#begun = true
    }
    const shares = new Float64Array(rows)
    for (let p = 0; p < positions; p++) {
      const offset = this.#offsets[p]
      for (let id = 0; id < rows; id++) shares[id] = Math.exp(logits[p * rows + id] - offset)
      for (let m = 0; m <= this.#models; m++) {
        const [from, at] = m === this.#models ? [another, p * rows] : [logits, (m * positions + p) * rows]
        let [sum, weighted] = [0, 0]
        for (let id = 0; id < rows; id++) {
          const logit = from[at + id]
          sum += Math.exp(logit - offset)
          weighted += shares[id] * (logits[p * rows + id] - logit)
        }
        this.#sums[m * positions + p] += sum
        this.#weighted[m * positions + p] += weighted
      }
    }
  }

  /** Mean KL of each model but the first, the one that came apart last. */
  means(): number[] {
    const positions = this.#positions
    return Array.from({ length: this.#models }, (_, i) => {
      let total = 0
      for (let p = 0; p < positions; p++) {
        const [exact, at] = [this.#sums[p], (i + 1) * positions + p]
        total += this.#weighted[at] / exact - Math.log(exact) + Math.log(this.#sums[at])
      }
      return total / positions
    })
  }
}
