import type { ChatRequest } from '../../chat/complete.ts'
import { exactJson } from '../exact-body.ts'
import { reasoningBudget, reasoningEffort } from '../reasoning.ts'
import type { MessagesBody, PromptBody } from './body.ts'
import { calling, chatTools } from './tools.ts'
import { chatMessages } from './turns.ts'

type PromptRequest = Pick<
  ChatRequest,
  'messages' | 'tools' | 'toolChoice' | 'parallelToolCalls' | 'continueFinalMessage'
>

/** What a body asks for as far as it is read by the model. @param source the JSON of the body. Throws ApiError. */
export function promptRequest(body: PromptBody, source: string): PromptRequest {
  const hasJson = body.tools?.length || body.messages.some(({ content }) => content.some(isToolUse))
  const exact = hasJson ? exactJson(source) : undefined
  const messages = chatMessages(body, exact)
  const begun = messages.at(-1)?.role === 'assistant' ? messages.pop()! : undefined
  // What the assistant has begun, the model goes on with; an empty turn begins nothing.
  const isBegun = begun !== undefined && begun.content !== ''
  return {
    messages: isBegun ? [...messages, begun] : messages,
    tools: chatTools(body, exact),
    ...calling(body),
    continueFinalMessage: isBegun || undefined,
  }
}

/** The request behind a body, its Anthropic names and nulls left behind. @param source the JSON of the body. Throws ApiError. */
export function chatRequest(body: MessagesBody, source: string): ChatRequest {
  const { effort, format = body.output_format } = body.output_config ?? {}
  const reasoning = { thinking: body.thinking, reasoning_effort: effort }
  return {
    ...promptRequest(body, source),
    constraint: format ? { kind: 'schema', schema: format.schema, strict: true } : undefined,
    reasoningBudget: reasoningBudget(reasoning),
    reasoningEffort: reasoningEffort(reasoning),
    maxTokens: body.max_tokens,
    sampling: {
      temperature: body.temperature ?? undefined,
      topP: body.top_p ?? undefined,
      topK: body.top_k == null ? undefined : Math.max(body.top_k, 0),
    },
    stop: body.stop_sequences ?? [],
  }
}

function isToolUse({ type }: { readonly type: string }): boolean {
  return type === 'tool_use'
}
