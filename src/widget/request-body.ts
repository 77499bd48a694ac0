import type { Message } from './client.ts'
import { messagesOf } from './turn-tree.ts'
import type { AssistantTurn, Settings, Tool, Turn } from './turns.ts'

/** Answers with tool calls in a row; the next one has to do without. */
const MAX_ROUNDS = 8

interface Asked {
  /** The turns before the answer. */
  readonly before: readonly Turn[]
  /** It goes on where there is something of it. */
  readonly answer: AssistantTurn
  readonly settings: Settings
  readonly tools: readonly Tool[]
  /** What an older conversation said. */
  readonly summary: string | undefined
}

/** The body of POST /v1/chat/completions. */
export function requestBody({ before, answer, settings, tools, summary }: Asked): object {
  const { model, effort, temperature, topP, maxTokens, seed } = settings
  const said = messagesOf([...before, answer])
  const goesOn = said.at(-1)?.role === 'assistant'
  const rounds = before.length - 1 - before.findLastIndex(({ role }) => role === 'user')
  const toolChoice = rounds < MAX_ROUNDS ? 'auto' : 'none'
  return {
    model,
    messages: [...systemMessages(settings, summary), ...said],
    stream: true,
    stream_options: { include_usage: true },
    reasoning_effort: effort,
    temperature,
    top_p: topP,
    max_tokens: maxTokens,
    seed,
    // vLLM's fields; others that let an answer go on at all do so by its last message.
    ...(goesOn ? { continue_final_message: true, add_generation_prompt: false } : {}),
    ...(tools.length ? { tools: tools.map(described), tool_choice: toolChoice } : {}),
  }
}

function systemMessages({ systemPrompt }: Settings, summary: string | undefined): Message[] {
  const told = summary && `What was said before, in short:\n\n${summary}`
  const content = [systemPrompt, told].filter(Boolean).join('\n\n')
  return content ? [{ role: 'system', content }] : []
}

function described({ name, description, parameters = { type: 'object', properties: {} } }: Tool) {
  return { type: 'function', function: { name, description, parameters } }
}
