import type { ChatMessage, ToolCall } from '../../chat/messages.ts'
import type { Item } from './items.ts'

/** The turn of an assistant, while its items are read. */
interface Turn {
  reasoning?: string
  content?: ChatMessage['content']
  readonly calls: ToolCall[]
}

/** A conversation of items as messages: what the assistant thinks, says and calls in one turn is one message. */
export function chatMessages(instructions: string | null | undefined, items: readonly Item[]): ChatMessage[] {
  const messages: ChatMessage[] = instructions ? [{ role: 'system', content: instructions }] : []
  let turn: Turn | undefined
  const endTurn = () => {
    if (turn) messages.push(assistantMessage(turn))
    turn = undefined
  }
  for (const item of items) {
    switch (item.type) {
      case 'reasoning':
        if (turn) endTurn()
        turn = { reasoning: reasoningText(item), calls: [] }
        break
      case 'function_call':
        turn ??= { calls: [] }
        turn.calls.push({
          id: item.call_id,
          type: 'function',
          function: { name: item.name, arguments: item.arguments },
        })
        break
      case 'function_call_output':
        endTurn()
        messages.push({ role: 'tool', tool_call_id: item.call_id, content: item.output })
        break
      case 'message':
        if (item.role !== 'assistant') {
          endTurn()
          messages.push({ role: item.role, content: item.content })
        } else {
          if (turn?.content !== undefined) endTurn()
          turn ??= { calls: [] }
          turn.content = item.content
        }
    }
  }
  endTurn()
  return messages
}

function assistantMessage({ reasoning, content = '', calls }: Turn): ChatMessage {
  return {
    role: 'assistant',
    content,
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
}

/** Its text, or where the client has kept only the summary of it, that. */
function reasoningText({ content, summary }: Extract<Item, { type: 'reasoning' }>): string {
  const texts = content?.length ? content : (summary ?? [])
  return texts.map(({ text }) => text).join('\n\n')
}
