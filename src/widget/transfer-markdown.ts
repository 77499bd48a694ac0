import type { Conversation } from './conversation.ts'
import type { Texts } from './texts.ts'
import type { AssistantTurn, Turn } from './turns.ts'

/** Turns of a conversation that was exported as Markdown. */
export interface MarkdownExport {
  /** The same for the same export. */
  readonly id: string
  readonly title: string
  readonly sections: readonly { readonly part: Part; readonly text: string }[]
}

/** What the parts are called, in the reader's language. */
export type Headings = Pick<Texts, 'you' | 'thoughts' | 'answer'>

type Part = 'question' | 'thinking' | 'answer' | 'tool'

/** What stands before the text of a part and behind it, between blank lines. */
const FRAMES: Record<Part, readonly [before: (headings: Headings) => string, after: string]> = {
  question: [({ you }) => `## ${you}\n\n`, '\n\n'],
  thinking: [({ thoughts }) => `<details>\n<summary>${thoughts}</summary>\n\n`, '\n\n</details>\n\n'],
  answer: [({ answer }) => `## ${answer}\n\n`, '\n\n'],
  tool: [() => '', '\n\n'],
}
/** What stands before it, in any language. */
const BEFORE = /^(?:## .*|<details>\n<summary>.*<\/summary>)\n\n/
const HEAD = /^# (.*)\n\n<!-- nanbeige-chat ([0-9a-f]+) -->\n\n/

/**
 * What is shown of a conversation, for people to read. Comments, which are not shown, tell its parts from what a text only says.
 * @param id a word that no text has.
 */
export function exportMarkdown(
  { title, turns }: Pick<Conversation, 'title' | 'turns'>,
  id: string,
  headings: Headings,
): string {
  const sections = turns.flatMap(({ turn }) => sectionsOf(turn))
  const parts = sections.map(([part, text]) => {
    const [before, after] = FRAMES[part]
    return `<!-- ${id} ${part} -->\n\n${before(headings)}${text}${after}`
  })
  return `# ${title ?? ''}\n\n<!-- nanbeige-chat ${id} -->\n\n${parts.join('')}`
}

/** undefined: it is no such export. */
export function parseMarkdown(text: string): MarkdownExport | undefined {
  // Editors end lines and files in their own way.
  const unix = `${text.replaceAll('\r\n', '\n').trimEnd()}\n\n`
  const [head, title, id] = HEAD.exec(unix) ?? []
  if (head === undefined) return undefined
  const pieces = unix.slice(head.length).split(new RegExp(`^<!-- ${id} (question|thinking|answer|tool) -->\n\n`, 'm'))
  const sections = pieces.slice(1).flatMap((part, index, all) => {
    if (index % 2 === 1) return []
    const [, after] = FRAMES[part as Part]
    const framed = all[index + 1].slice(0, -after.length)
    return [{ part: part as Part, text: part === 'tool' ? framed : framed.replace(BEFORE, '') }]
  })
  return { id, title, sections }
}

function sectionsOf(turn: Turn): [Part, string][] {
  if (turn.role === 'user') return [['question', turn.content]]
  const { content, reasoning, toolCalls } = turn
  const thoughts: [Part, string][] = reasoning === '' ? [] : [['thinking', reasoning]]
  return [...thoughts, ['answer', content], ...toolCalls.map((call): [Part, string] => ['tool', toolText(call)])]
}

function toolText({ name, arguments: text, result = '' }: AssistantTurn['toolCalls'][number]): string {
  return `\`${name}\`\n\n${fenced(text)}\n\n${fenced(result)}`
}

/** In a fence that is longer than any inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}\n${text}\n${fence}`
}
