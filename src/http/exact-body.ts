import type { ChatMessage, ToolCall } from '../chat/messages.ts'
import { type ExactJson, parseExactJson } from '../jinja/exact-json.ts'

interface Templated {
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly unknown[] | undefined
}

/**
 * What templates print as JSON, tools and arguments that come as objects, with the numbers and the order of keys that the client wrote:
 * JSON.parse has rounded and sorted them.
 * @param source the body's JSON.
 */
export function withExactJson({ messages, tools }: Templated, source: string): Templated {
  const calls = messages.flatMap(({ tool_calls }) => tool_calls ?? [])
  if (!tools?.length && calls.every((call) => typeof call.function.arguments !== 'object')) return { messages, tools }
  const body = parseExactJson(source)
  return {
    tools: tools && (at(body, 'tools') as readonly unknown[]),
    messages: messages.map((message, index) => ({
      ...message,
      ...(message.tool_calls && {
        tool_calls: message.tool_calls.map((call, number) =>
          exactCall(call, at(body, 'messages', index, 'tool_calls', number, 'function', 'arguments')),
        ),
      }),
    })),
  }
}

function exactCall(call: ToolCall, written: ExactJson | undefined): ToolCall {
  return written instanceof Map ? { ...call, function: { ...call.function, arguments: written } } : call
}

function at(value: ExactJson | undefined, ...path: readonly (string | number)[]): ExactJson | undefined {
  return path.reduce<ExactJson | undefined>(
    (inner, step) =>
      inner instanceof Map ? inner.get(String(step)) : Array.isArray(inner) ? inner[step as number] : undefined,
    value,
  )
}
