import { HEAD_MULTIPLE } from '../../assembly/layout.ts'
import type { Manifest } from '../weights/manifest.ts'
import type { ModelSource } from './model-source.ts'
import { PackError } from './pack-error.ts'

/** Refuse, before the hours of work, what a reader of the pack would refuse. Throws PackError. */
export function checkSource({ name, config, tokenizer }: ModelSource, tokens: Manifest['tokens']): void {
  const refuse = (problem: string) => {
    throw new PackError('metadata_invalid', `${name}: ${problem}; its files are of different models, or damaged`)
  }
  const { vocabSize, headCount, kvHeadCount, headDim } = config
  // Every id that a text may turn into has to have a row of the embedding.
  if (tokenizer.pieces.length > vocabSize) {
    refuse(`its tokenizer has ${tokenizer.pieces.length} ids where the model has ${vocabSize}`)
  }
  const outside = [...tokens.eos, tokens.bos ?? 0].find((id) => id >= vocabSize)
  if (outside !== undefined)
    refuse(`token ${outside} is none of the ${vocabSize} that the model has; if it is an end, --eos names others`)
  if (headCount % kvHeadCount !== 0) refuse(`${headCount} query heads do not share ${kvHeadCount} key heads evenly`)
  if (headDim % HEAD_MULTIPLE !== 0) {
    throw new PackError(
      'architecture_unsupported',
      `${name}: heads of ${headDim} are not supported; their size has to be a multiple of ${HEAD_MULTIPLE}`,
    )
  }
}
