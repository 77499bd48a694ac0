import type { ModelSource } from './model-source.ts'
import { PackError } from './pack-error.ts'

/** Refuse, before the hours of work, what a reader of the pack would refuse. Throws PackError. */
export function checkSource({ name, config, tokens, tokenizer }: ModelSource): void {
  const refuse = (problem: string) => {
    throw new PackError('metadata_invalid', `${name}: ${problem}; its files are of different models, or damaged`)
  }
  const { vocabSize, headCount, kvHeadCount, headDim } = config
  // Every id that a text may turn into has to have a row of the embedding.
  if (tokenizer.pieces.length > vocabSize) {
    refuse(`its tokenizer has ${tokenizer.pieces.length} ids where the model has ${vocabSize}`)
  }
  const outside = [...tokens.eos, tokens.bos ?? 0].find((id) => id >= vocabSize)
  if (outside !== undefined) refuse(`token ${outside} is none of the ${vocabSize} that the model has`)
  if (headCount % kvHeadCount !== 0) refuse(`${headCount} query heads do not share ${kvHeadCount} key heads evenly`)
  if (headDim % 2 !== 0) refuse(`heads of ${headDim} cannot be rotated in pairs`)
}
