import type { LanguageModel } from './language-model.ts'
import type { GenerateRequest } from './types.ts'

export class GenerateRequestError extends Error {
  readonly code: 'empty_prompt' | 'token_id_out_of_range' | 'context_length_exceeded'

  constructor(code: GenerateRequestError['code'], message: string) {
    super(message)
    this.name = 'GenerateRequestError'
    this.code = code
  }
}

/** Throws GenerateRequestError for a request that the model cannot begin: to be known before a stream is opened. */
export function checkRequest(
  model: Pick<LanguageModel, 'vocabSize' | 'contextLength'>,
  request: Pick<GenerateRequest, 'promptIds' | 'sampling'>,
): void {
  const { promptIds } = request
  checkTokens(model, request)
  // As in vLLM, the context holds prompt and answer: one place at least must be left.
  if (promptIds.length >= model.contextLength) {
    throw new GenerateRequestError(
      'context_length_exceeded',
      `This model's maximum context length is ${model.contextLength} tokens with the answer, and the prompt has ${promptIds.length}: shorten it to ${model.contextLength - 1} at most.`,
    )
  }
}

/** What holds for every model with this vocabulary, however long its context. Throws GenerateRequestError. */
function checkTokens(
  { vocabSize }: Pick<LanguageModel, 'vocabSize'>,
  { promptIds, sampling }: Pick<GenerateRequest, 'promptIds' | 'sampling'>,
): void {
  if (promptIds.length === 0) {
    throw new GenerateRequestError('empty_prompt', 'The prompt has no tokens: send at least one.')
  }
  const isToken = (id: number) => Number.isInteger(id) && id >= 0 && id < vocabSize
  const wrong = promptIds.find((id) => !isToken(id)) ?? [...sampling.logitBias.keys()].find((id) => !isToken(id))
  if (wrong !== undefined) {
    throw new GenerateRequestError(
      'token_id_out_of_range',
      `${wrong} is no token id of this model: use integers from 0 to ${vocabSize - 1} in the prompt and in logit_bias.`,
    )
  }
}
