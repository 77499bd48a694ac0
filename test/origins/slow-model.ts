import type { LanguageModel } from '../../src/generate/language-model.ts'

/** The same model, as slow as a large one: no token of an answer takes less than this, in ms. */
export function slowModel(model: LanguageModel, intervalMs: number): LanguageModel {
  return {
    vocabSize: model.vocabSize,
    contextLength: model.contextLength,
    createSequence: () => model.createSequence(),
    distribution: (...args) => model.distribution(...args),
    async forward(sequence, tokens, signal) {
      const pause = new Promise<void>((resolve) => setTimeout(resolve, tokens.length === 1 ? intervalMs : 0))
      await Promise.all([pause, model.forward(sequence, tokens, signal)])
    },
  }
}
