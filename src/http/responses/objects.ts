import type {
  Response as OpenAIResponse,
  ResponseFunctionToolCall,
  ResponseOutputMessage,
  ResponseOutputText,
  ResponseReasoningItem,
} from 'openai/resources/responses/responses'
import type { ChatModel } from '../../chat/chat-model.ts'
import type { ChatLogprob } from '../../chat/events.ts'
import { samplingParams } from '../../chat/sampling.ts'
import type { SamplingParams } from '../../generate/types.ts'
import type { ApiError } from '../errors.ts'
import { type FinishEvent, usageObject } from '../usage.ts'
import type { ResponseBody } from './body.ts'
import type { ResponseId } from './ids.ts'

/** A response as the API tells it: its own clients put `output_text` together themselves. */
export type ResponseObject = Omit<OpenAIResponse, 'output_text' | 'output'> & { readonly output: readonly OutputItem[] }

export type OutputItem =
  | (ResponseOutputMessage & { content: ResponseOutputText[] })
  | ResponseReasoningItem
  | (ResponseFunctionToolCall & { id: string })

/** What is known of a response from its request. */
export type ResponseHead = Omit<
  ResponseObject,
  'id' | 'status' | 'completed_at' | 'error' | 'incomplete_details' | 'output' | 'usage'
> & { readonly id: ResponseId; readonly store: boolean }

export function responseHead(
  id: ResponseId,
  body: ResponseBody,
  chat: ChatModel,
  requested: Partial<SamplingParams>,
  hasStore: boolean,
): ResponseHead {
  const sampling = samplingParams(requested, chat.defaults)
  const head = {
    id,
    object: 'response',
    created_at: unixTime(),
    background: body.background ?? false,
    frequency_penalty: sampling.frequencyPenalty,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    metadata: body.metadata ?? {},
    model: chat.id,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    presence_penalty: sampling.presencePenalty,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: body.reasoning?.effort ?? null, summary: summaryOf(body) },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: 'default',
    store: hasStore && (body.store ?? true),
    temperature: sampling.temperature,
    text: { format: formatObject(body), verbosity: body.text?.verbosity ?? 'medium' },
    tool_choice: toolChoiceObject(body.tool_choice ?? 'auto'),
    tools: (body.tools ?? []).map(toolObject),
    top_logprobs: body.top_logprobs ?? 0,
    top_p: sampling.topP,
    truncation: 'disabled',
    ...(body.user != null && { user: body.user }),
  }
  // Efforts and choices go beyond those that the types of the API name.
  return head as ResponseHead
}

/**
 * The reasoning itself is its summary, unless the client says null: clients that know summaries only, as the AI SDK, do not ask for one where
 * they do not know the model.
 */
function summaryOf({ reasoning }: ResponseBody) {
  return reasoning?.summary === undefined ? 'detailed' : reasoning.summary
}

/** With what is left out said: clients' schemas want every field. */
function toolObject(tool: NonNullable<ResponseBody['tools']>[number]) {
  return {
    ...tool,
    description: tool.description ?? null,
    parameters: tool.parameters ?? null,
    strict: tool.strict ?? false,
  }
}

function toolChoiceObject(choice: NonNullable<ResponseBody['tool_choice']>) {
  return typeof choice === 'object' && choice.type === 'allowed_tools'
    ? { ...choice, mode: choice.mode ?? 'auto' }
    : choice
}

function formatObject({ text }: ResponseBody) {
  const format = text?.format ?? { type: 'text' as const }
  if (format.type !== 'json_schema') return format
  return {
    ...format,
    name: format.name ?? null,
    description: format.description ?? null,
    strict: format.strict ?? false,
  }
}

/** The usage of chat completions under this API's names. */
export function responseUsage(finish: FinishEvent) {
  const usage = usageObject([finish])
  return {
    input_tokens: usage.prompt_tokens,
    input_tokens_details: { ...usage.prompt_tokens_details, cache_write_tokens: 0 },
    output_tokens: usage.completion_tokens,
    output_tokens_details: usage.completion_tokens_details,
    total_tokens: usage.total_tokens,
    nanbeige: usage.nanbeige,
  }
}

/** The codes of this server go beyond those that the types of the API name. */
export function errorObject({ code, message }: ApiError['body']['error']) {
  return { code: code ?? 'server_error', message }
}

export function logprobObjects(logprobs: readonly ChatLogprob[] = []): ResponseOutputText.Logprob[] {
  return logprobs.map(({ top_logprobs, ...token }) => ({
    ...tokenObject(token),
    top_logprobs: top_logprobs.map(tokenObject),
  }))
}

/** A token that never shows in text has no bytes. */
function tokenObject({ token, bytes, logprob }: Omit<ChatLogprob, 'top_logprobs'>) {
  return { token, bytes: [...(bytes ?? [])], logprob }
}

export function unixTime(): number {
  return Math.floor(Date.now() / 1000)
}
