import type { LanguageModel, Sequence } from '../../src/generate/language-model.ts'

/** Sequences that stay when an answer behind them ends, so that several can be full at once. */
export class HeldSequences {
  readonly #model: LanguageModel
  #held: { readonly sequence: Sequence; readonly release: () => void }[] = []

  constructor(model: LanguageModel) {
    this.#model = model
  }

  /** Run a prompt forward; the index of its sequence. */
  async hold(prompt: readonly number[]): Promise<number> {
    const sequence = this.#model.createSequence()
    const release = sequence.release.bind(sequence)
    sequence.release = () => {}
    await this.#model.forward(sequence, prompt, new AbortController().signal)
    return this.#held.push({ sequence, release }) - 1
  }

  /** The model, answering behind a held sequence. */
  continuing({ index }: { readonly index: number }): LanguageModel {
    const model = this.#model
    return {
      vocabSize: model.vocabSize,
      contextLength: model.contextLength,
      createSequence: () => this.#held[index].sequence,
      forward: (sequence, tokens, signal) => model.forward(sequence, tokens, signal),
      distribution: (sequence, query) => model.distribution(sequence, query),
    }
  }

  letGo(): void {
    for (const { release } of this.#held) release()
    this.#held = []
  }
}
