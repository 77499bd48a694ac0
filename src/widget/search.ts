import type { SearchHit } from './conversations.ts'
import type { Archive } from './saved.ts'
import type { ListedConversation } from './turns.ts'

const MAX_HITS = 50
/** Characters of an excerpt, before and behind what was looked for. */
const AROUND = 40

/** Conversations that say it, those that are called so first. */
export async function search(
  text: string,
  list: readonly ListedConversation[],
  archive: Archive,
): Promise<SearchHit[]> {
  const wanted = text.trim().toLocaleLowerCase()
  if (wanted === '') return []
  const titled = list.filter(({ title }) => title.toLocaleLowerCase().includes(wanted))
  const hits: SearchHit[] = titled.map((conversation) => ({ conversation }))
  for (const conversation of list) {
    if (hits.length >= MAX_HITS) break
    if (titled.includes(conversation)) continue
    const turns = await archive.turns(conversation.id)
    const said = turns.filter(({ removedAt }) => removedAt === undefined).map(({ turn }) => turn.content)
    const content = said.find((content) => content.toLocaleLowerCase().includes(wanted))
    if (content !== undefined) hits.push({ conversation, excerpt: excerptOf(content, wanted) })
  }
  return hits
}

function excerptOf(content: string, wanted: string): string {
  const at = content.toLocaleLowerCase().indexOf(wanted)
  const [start, end] = [Math.max(0, at - AROUND), at + wanted.length + AROUND]
  const excerpt = content.slice(start, end).replaceAll(/\s+/g, ' ')
  return `${start > 0 ? '…' : ''}${excerpt}${end < content.length ? '…' : ''}`
}
