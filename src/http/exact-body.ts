import type { ChatMessage, ToolCall } from '../chat/messages.ts'
import { type ExactJson, parseExactJson } from '../jinja/exact-json.ts'
import { ApiError } from './errors.ts'
import { checkJsonSize } from './json-size.ts'

interface Templated {
  readonly messages: readonly ChatMessage[]
  readonly tools: readonly unknown[] | undefined
}

/**
 * What templates print as JSON, tools and arguments that come as objects, with the numbers and the order of keys that the client wrote:
 * JSON.parse has rounded and sorted them.
 * @param source the body's JSON. Throws ApiError where numbers are longer, or arguments larger, than they may be.
 */
export function withExactJson({ messages, tools }: Templated, source: string): Templated {
  const written = messages.flatMap(({ tool_calls }) => tool_calls?.map((call) => call.function.arguments) ?? [])
  // What stands in texts was not counted with the body.
  checkJsonSize(`[${written.filter((text) => typeof text === 'string').join(',')}]`)
  if (!tools?.length && written.every((value) => value == null || typeof value === 'string')) return { messages, tools }
  const body = exactJson(source)
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

export function exactJson(source: string): ExactJson {
  try {
    return parseExactJson(source)
  } catch (cause) {
    throw new ApiError(400, 'invalid_value', `Invalid value for the body: ${(cause as Error).message}.`, { cause })
  }
}

export function at(value: ExactJson | undefined, ...path: readonly (string | number)[]): ExactJson | undefined {
  return path.reduce<ExactJson | undefined>(
    (inner, step) =>
      inner instanceof Map ? inner.get(String(step)) : Array.isArray(inner) ? inner[step as number] : undefined,
    value,
  )
}
