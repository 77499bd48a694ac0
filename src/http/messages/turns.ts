import type { ChatMessage, ContentPart, ToolArguments, ToolCall } from '../../chat/messages.ts'
import type { ExactJson } from '../../jinja/exact-json.ts'
import { at } from '../exact-body.ts'
import type { ToolResult } from './blocks.ts'
import type { PromptBody } from './body.ts'
import { thinkingOf } from './signature.ts'

interface TextMessage {
  readonly role: 'user' | 'system'
  readonly content: ContentPart[]
}

interface Said {
  readonly role: 'assistant'
  content: string
  reasoning_content?: string
  readonly tool_calls: ToolCall[]
}

/**
 * The messages of a chat behind Anthropic's turns. Turns of one side that follow each other are one, as in Anthropic's API; the results of
 * tools, which stand in a turn of the user, are messages of their own.
 * @param exact the body, with the numbers and the order of keys of its arguments.
 */
export function chatMessages({ system, messages: turns }: PromptBody, exact: ExactJson | undefined): ChatMessage[] {
  const messages: ChatMessage[] = []
  const texts = (role: TextMessage['role']) => lastOf<TextMessage>(messages, { role, content: [] })
  const said = () => lastOf<Said>(messages, { role: 'assistant', content: '', tool_calls: [] })
  for (const { text } of system ?? []) texts('system').content.push({ type: 'text', text })
  for (const [index, { role, content }] of turns.entries()) {
    for (const [number, block] of content.entries()) {
      switch (block.type) {
        case 'text':
          // An answer of ours has one block of text before and one behind a call; as the content of a chat they are one text.
          if (role === 'assistant') said().content += block.text
          else texts(role).content.push({ type: 'text', text: block.text })
          break
        case 'thinking':
          said().reasoning_content = (said().reasoning_content ?? '') + thinkingOf(block)
          break
        case 'tool_use': {
          const input = at(exact, 'messages', index, 'content', number, 'input') as ToolArguments
          said().tool_calls.push({ id: block.id, type: 'function', function: { name: block.name, arguments: input } })
          break
        }
        case 'tool_result':
          messages.push({ role: 'tool', tool_call_id: block.tool_use_id, content: resultText(block) })
      }
    }
  }
  return messages
}

/** The last message where it has the same role, or this new one. */
function lastOf<Message extends ChatMessage>(messages: ChatMessage[], message: Message): Message {
  const last = messages.at(-1)
  if (last?.role === message.role) return last as Message
  messages.push(message)
  return message
}

/** Templates have no place for is_error. */
function resultText({ content, is_error }: ToolResult): string {
  const text = (content ?? []).map(({ text }) => text).join('\n')
  return is_error ? `Error: ${text}` : text
}
