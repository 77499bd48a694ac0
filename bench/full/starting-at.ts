import type { LanguageModel } from '../../src/generate/language-model.ts'
import type { EdgeModel } from '../../src/model/edge-model.ts'

/** Tokens whose keys of one head share a page of memory, the smallest share there is (head dimension 128, int8). */
const TOKENS_PER_PAGE = 4096 / 128

/**
 * The model with sequences that hold all of a context but one token from the start: attention over them takes the same time
 * whatever they are, and computing them would take minutes.
 */
export function startingAt(model: EdgeModel, { context }: { readonly context: number }): LanguageModel {
  return {
    vocabSize: model.vocabSize,
    contextLength: model.contextLength,
    createSequence() {
      const sequence = model.createSequence()
      sequence.append(Array(context - 1).fill(1))
      return sequence
    },
    forward: (sequence, tokens, signal) => model.forward(sequence as never, tokens, signal),
    distribution: (sequence, query) => model.distribution(sequence as never, query),
  }
}

/**
 * Write to every page of the KV cache: pages never written are one page of zeros, which is read from cache. A token here and
 * there does.
 */
export async function touchCache(model: EdgeModel): Promise<void> {
  const sequence = model.createSequence()
  for (let position = 0; position < model.contextLength; position += TOKENS_PER_PAGE) {
    sequence.append(Array(position - sequence.length).fill(1))
    await model.forward(sequence, [1], new AbortController().signal)
  }
  sequence.release()
}
