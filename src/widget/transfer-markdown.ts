import type { Conversation } from './conversation.ts'
import type { Turn } from './turns.ts'

/** What is shown of a conversation, for people to read. */
export function exportMarkdown({ title, turns }: Pick<Conversation, 'title' | 'turns'>): string {
  return `${[`# ${title ?? ''}`, ...turns.map(({ turn }) => sectionOf(turn))].join('\n\n')}\n`
}

function sectionOf(turn: Turn): string {
  if (turn.role === 'user') return `## You\n\n${turn.content}`
  const thoughts = turn.reasoning && `<details>\n<summary>Thinking</summary>\n\n${turn.reasoning}\n\n</details>`
  const calls = turn.toolCalls.map(
    ({ name, arguments: text, result = '' }) => `\`${name}\`\n\n${fenced(text)}\n\n${fenced(result)}`,
  )
  return ['## Answer', thoughts, turn.content, ...calls].filter(Boolean).join('\n\n')
}

/** In a fence that is longer than any inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}`
}
