import { plainJson } from '../grammar/plain-json.ts'
import type { ChatMessage, ToolCall } from './messages.ts'
import type { ChatTemplate } from './template.ts'

interface Conversation {
  readonly messages: readonly ChatMessage[]
  readonly tools?: readonly unknown[]
}

/** Whether a conversation has tools or calls that the model's template would leave out without a word. */
export function needsGenericTools(template: ChatTemplate, { messages, tools }: Conversation): boolean {
  if (tools?.length && !template.takesTools) return true
  return messages.some(({ tool_calls }) => tool_calls?.length) && !template.takesToolCalls
}

/**
 * The same conversation for a template that knows no tools: a system message says which there are and how they are called, and calls and
 * their results are text, in the form that Hermes and Qwen were taught.
 */
export function withGenericTools<C extends Conversation>(conversation: C): C {
  const { messages, tools } = conversation
  const spelled = messages.map(spelledMessage)
  return {
    ...conversation,
    messages: tools?.length ? withSystem(spelled, instructions(tools)) : spelled,
    tools: undefined,
  }
}

function instructions(tools: readonly unknown[]): string {
  const lines = tools.map((tool) => JSON.stringify(plainJson(tool)))
  return `You can call these functions, each given with the JSON Schema of its arguments:
<tools>
${lines.join('\n')}
</tools>
To call one, write its name and its arguments in exactly this form, and nothing else:
<tool_call>{"name": "the function's name", "arguments": {"the argument's name": "its value"}}</tool_call>
You are then told the result. Otherwise answer as usual.`
}

/** What systems already say comes first. */
function withSystem(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const [first, ...rest] = messages
  if (first?.role !== 'system' && first?.role !== 'developer') return [{ role: 'system', content: text }, ...messages]
  const said = typeof first.content === 'string' ? [{ type: 'text', text: first.content }] : (first.content ?? [])
  return [{ ...first, content: [...said, { type: 'text', text: `\n${text}` }] }, ...rest]
}

function spelledMessage(message: ChatMessage): ChatMessage {
  const { role, content, tool_calls, tool_call_id: _, name: __, ...rest } = message
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : (content ?? [])
  if (role === 'tool') {
    const framed = ['<tool_response>', ...parts, '</tool_response>']
    return {
      role: 'user',
      content: framed.map((part) => (typeof part === 'string' ? { type: 'text', text: part } : part)),
    }
  }
  if (!tool_calls?.length) return message
  const calls = tool_calls.map((call) => ({ type: 'text', text: spelledCall(call) }))
  return { role, ...rest, content: [...parts.filter((part) => part.text !== ''), ...calls] }
}

function spelledCall({ function: { name, arguments: given } }: ToolCall): string {
  const args = typeof given === 'string' ? given.trim() || '{}' : JSON.stringify(plainJson(given ?? {}))
  return `<tool_call>{"name": ${JSON.stringify(name)}, "arguments": ${args}}</tool_call>`
}
