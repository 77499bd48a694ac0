import { checkRequest, GenerateRequestError } from '../generate/check-request.ts'
import type { SamplingParams, StopRules } from '../generate/types.ts'
import type { Prompt } from '../origin/history.ts'
import { chooseRoute, type RouteRequest } from '../route/choose.ts'
import { OriginsFailedError } from '../route/errors.ts'
import type { Decision } from '../route/policy.ts'
import { type ChatService, contextLengthOf } from '../route/service.ts'
import { type AnswerGrammars, compileAnswerGrammars } from './answer-grammars.ts'
import type { ChatModel } from './chat-model.ts'
import type { AnswerRequest, ChatRequest, TextRequest } from './complete.ts'
import { ChatRequestError } from './errors.ts'
import { needsGenericTools, withGenericTools } from './generic-tools.ts'
import { encodePrompt, encodeText } from './prompt.ts'
import { samplingParams } from './sampling.ts'
import { idOf, type Tags } from './tags.ts'

/** A request that is valid as far as it is known by itself. */
export interface Prepared {
  readonly request: AnswerRequest
  readonly prompt: Prompt
  readonly sampling: SamplingParams
  readonly stopRules: StopRules
  /** To be disposed of. */
  readonly grammars: AnswerGrammars | undefined
}

/** Reads a request, without computing anything of the answer. Throws ChatRequestError, and the signal's reason when it aborts. */
export async function prepare(
  chat: ChatModel,
  request: AnswerRequest,
  service: ChatService,
  signal: AbortSignal,
): Promise<Prepared> {
  const { minTokens = 0, ignoreEos = false, stopTokenIds = [] } = request
  checkTokenIds(chat, stopTokenIds, 'stop_token_ids')
  const maxTokens = contextLengthOf(chat.language, service)
  const prompt =
    'messages' in request
      ? await chatPrompt(chat, request, maxTokens, signal)
      : await textPrompt(chat, request, maxTokens, signal)
  const sampling = samplingParams(request.sampling, chat.defaults)
  const grammars = await compileAnswerGrammars(chat, request)
  return { request, prompt, sampling, stopRules: { minTokens, ignoreEos, stopTokenIds }, grammars }
}

/** What the template makes of a chat. Throws ChatRequestError, as soon as there are more than `maxTokens`. */
export async function chatPrompt(
  chat: ChatModel,
  request: Omit<ChatRequest, 'sampling' | 'stop'>,
  maxTokens: number,
  signal: AbortSignal,
): Promise<Prompt> {
  const told = needsGenericTools(chat.template, request) ? withGenericTools(request) : request
  return encodePrompt(chat, told, maxTokens, signal)
}

async function textPrompt(
  chat: ChatModel,
  { prompt }: TextRequest,
  maxTokens: number,
  signal: AbortSignal,
): Promise<Prompt> {
  if (typeof prompt !== 'string') checkTokenIds(chat, prompt, 'prompt')
  return encodeText(chat, prompt, maxTokens, signal)
}

/**
 * Where the answers to some requests are to come from, `each` of every one. Throws ChatRequestError and OriginsFailedError where they can
 * come from nowhere.
 */
export function decide(
  { language, tags }: ChatModel,
  service: ChatService,
  requests: readonly Prepared[],
  each: number,
): Decision {
  const longest = requests.reduce((a, b) => (b.prompt.ids.length > a.prompt.ids.length ? b : a))
  const answers = requests.length * each
  const { contextLength, vocabSize } = language
  const grammar = grammarPlace(tags, requests)
  const decision = chooseRoute(service, { ...longest.request, ...longest, answers, grammar }, contextLength)
  for (const { request, prompt, sampling } of requests) {
    try {
      const promptIds = prompt.ids
      // What fills the longest context, and leaves no place for an answer, is no failure of the origins.
      const maxTokens = contextLengthOf(language, service)
      checkRequest({ vocabSize, contextLength: maxTokens }, { promptIds, sampling })
      const { length } = promptIds
      const isTooLong = length >= contextLength
      if (isTooLong && decision.reason === 'origins-down') throw new OriginsFailedError(length, contextLength)
      if (decision.route !== 'origin') checkRequest(language, { promptIds, sampling })
    } catch (error) {
      if (!(error instanceof GenerateRequestError)) throw error
      const param =
        error.code === 'token_id_out_of_range' ? 'logit_bias' : 'messages' in request ? 'messages' : 'prompt'
      throw new ChatRequestError(error.code, error.message, param, { cause: error })
    }
  }
  return decision
}

/** Where a grammar begins that holds the answers; undefined: nothing holds them. */
function grammarPlace(tags: Tags, requests: readonly Prepared[]): RouteRequest['grammar'] {
  const held = requests.filter(({ grammars }) => grammars)
  if (held.length === 0) return undefined
  const beginsFree = ({ request, grammars }: Prepared) =>
    ('messages' in request && idOf(tags, '<think>') !== undefined) || !(grammars!.content || grammars!.mustCall)
  return held.every(beginsFree) ? 'later' : 'at once'
}

/** Throws ChatRequestError for an id beyond the vocabulary. */
export function checkTokenIds({ tokenizer }: ChatModel, ids: readonly number[], param: string): void {
  const wrong = ids.find((id) => id >= tokenizer.vocabSize)
  if (wrong === undefined) return
  throw new ChatRequestError(
    'token_id_out_of_range',
    `${wrong} is no token id of this model: use integers from 0 to ${tokenizer.vocabSize - 1} in ${param}.`,
    param,
  )
}
