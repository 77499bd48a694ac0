import type { Distribution, DistributionQuery } from '../../src/generate/distribution.ts'
import type { LanguageModel, Sequence } from '../../src/generate/language-model.ts'
import { turn } from '../../src/generate/turn.ts'
import { distributionOf } from './array-distribution.ts'

class HashSequence implements Sequence {
  readonly tokens: number[] = []
  releases = 0

  get length(): number {
    return this.tokens.length
  }

  truncate(length: number): void {
    this.tokens.length = length
  }

  release(): void {
    this.releases++
  }
}

/** Logits that are a hash of all tokens so far: any token lost, doubled or moved changes everything after it. */
export class HashModel implements LanguageModel {
  readonly vocabSize = 40
  readonly contextLength: number
  readonly chunkLength: number
  /** Called before every forward; may throw. */
  onForward: () => void = () => {}
  readonly sequences: HashSequence[] = []
  readonly forwarded: number[][] = []

  constructor({ contextLength = 1000, chunkLength = 8 } = {}) {
    this.contextLength = contextLength
    this.chunkLength = chunkLength
  }

  createSequence(): Sequence {
    const sequence = new HashSequence()
    this.sequences.push(sequence)
    return sequence
  }

  async forward(sequence: Sequence, tokens: readonly number[], signal: AbortSignal): Promise<void> {
    for (let start = 0; start < tokens.length; start += this.chunkLength) {
      await turn()
      if (signal.aborted) return
      this.#forward(sequence, tokens.slice(start, start + this.chunkLength))
    }
  }

  #forward(sequence: Sequence, tokens: readonly number[]): void {
    this.onForward()
    const { tokens: held, releases } = sequence as HashSequence
    if (releases > 0) throw new Error('forward on a released sequence')
    if (held.length + tokens.length > this.contextLength) throw new Error('the context is full')
    held.push(...tokens)
    this.forwarded.push([...tokens])
  }

  async distribution(
    sequence: Sequence,
    { adjustments, temperature, allowed }: DistributionQuery,
  ): Promise<Distribution> {
    return distributionOf(this.logits((sequence as HashSequence).tokens), adjustments, temperature, allowed)
  }

  logits(tokens: readonly number[]): Float32Array {
    const context = tokens.reduce((hash, token) => mix(hash ^ token), tokens.length)
    return Float32Array.from({ length: this.vocabSize }, (_, id) => (mix(context ^ mix(id + 1)) / 2 ** 32) * 8 - 4)
  }
}

/** The finalizer of MurmurHash3 (Appleby), with 1 added so that 0 does not stay 0. */
function mix(word: number): number {
  let hash = (word + 1) >>> 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
