import * as z from 'zod/mini'
import type { Archive, SavedConversation, SavedTurn } from './saved.ts'
import { parseMarkdown } from './transfer-markdown.ts'
import type { Turn } from './turns.ts'

/** What was given is no export of conversations. */
export class ImportError extends Error {
  readonly code = 'no_export'

  constructor(cause: unknown) {
    super('This is no export of conversations: choose a file that was exported here.', { cause })
    this.name = 'ImportError'
  }
}

const VERSION = 1
const count = z.number().check(z.nonnegative())
const toolCall = z.looseObject({
  id: z.string(),
  name: z.string(),
  arguments: z.string(),
  state: z.enum(['streaming', 'asking', 'running', 'done', 'failed', 'refused']),
  result: z.optional(z.string()),
})
const anyTurn = { id: z.string(), parent: z.optional(z.string()), content: z.string(), createdAt: count }
const turn = z.discriminatedUnion('role', [
  z.object({ role: z.literal('user'), ...anyTurn }),
  z.looseObject({
    role: z.literal('assistant'),
    ...anyTurn,
    reasoning: z.string(),
    toolCalls: z.array(toolCall),
    state: z.enum(['waiting', 'streaming', 'reconnecting', 'done', 'stopped', 'cut', 'failed']),
    reasoningTokens: count,
    answerTokens: count,
    moving: z.boolean(),
    moves: z.array(
      z.looseObject({ to: z.enum(['edge', 'origin']), part: z.enum(['reasoning', 'content']), at: count }),
    ),
    events: z.array(z.enum(['recovered', 'rescued'])),
    stalled: z.boolean(),
  }),
])
const conversation = z.object({
  id: z.string(),
  title: z.string(),
  createdAt: count,
  updatedAt: count,
  chosen: z.record(z.string(), z.string()),
  summary: z.optional(z.string()),
  turns: z.array(turn),
})
const exported = z.object({ nanbeigeChat: z.literal(VERSION), conversations: z.array(conversation) })

/** All branches of conversations, as `importText` reads them. */
export async function exportJson(archive: Archive, ids: readonly string[]): Promise<string> {
  const conversations: z.infer<typeof conversation>[] = []
  for (const id of ids) {
    const record = await archive.conversation(id)
    if (!record) continue
    const { title = '', createdAt, updatedAt, chosen, summary } = record
    const turns = (await archive.turns(id)).filter(({ removedAt }) => removedAt === undefined)
    const said = turns.map(({ turn }) => turn as z.infer<typeof conversation>['turns'][number])
    conversations.push({ id, title, createdAt, updatedAt, chosen, summary, turns: said })
  }
  return `${JSON.stringify({ nanbeigeChat: VERSION, conversations }, null, 2)}\n`
}

/**
 * Adds the conversations and turns of JSON or Markdown that are not there yet; ids of those that it found. Throws ImportError.
 * @param atRest makes of a turn what is kept where nobody goes on with it. Not imported: this file is loaded late, alone.
 */
export async function importText(archive: Archive, text: string, atRest: (turn: Turn) => Turn): Promise<string[]> {
  let conversations: z.infer<typeof conversation>[]
  try {
    const markdown = ofMarkdown(text)
    conversations = markdown ? [markdown] : exported.parse(JSON.parse(text)).conversations
  } catch (cause) {
    throw new ImportError(cause)
  }
  for (const { turns, ...fields } of conversations) {
    const there = await archive.conversation(fields.id)
    const record: SavedConversation = there ? { ...there, removedAt: undefined } : { ...fields, draft: '', queue: [] }
    const known = await Promise.all(turns.map(({ id }) => archive.turn(id)))
    const missing = turns.filter((_, index) => known[index] === undefined).map((turn) => atRest(turn as Turn))
    const saved = missing.map((turn): SavedTurn => ({ conversation: fields.id, turn }))
    await archive.save({ conversation: record, turns: saved })
  }
  return conversations.map(({ id }) => id)
}

function ofMarkdown(text: string): z.infer<typeof conversation> | undefined {
  const parsed = parseMarkdown(text)
  if (!parsed) return undefined
  const { id, title, sections } = parsed
  const now = Date.now()
  const turns: z.infer<typeof turn>[] = []
  let reasoning = ''
  for (const { part, text: content } of sections) {
    const any = { id: `${id}-${turns.length}`, parent: turns.at(-1)?.id, content, createdAt: now }
    if (part === 'thinking') reasoning = content
    else if (part === 'question') turns.push({ ...any, role: 'user' })
    else if (part === 'answer') {
      turns.push({ ...any, ...ANSWERED, reasoning })
      reasoning = ''
    }
  }
  return { id, title, createdAt: now, updatedAt: now, chosen: {}, turns }
}

const ANSWERED = {
  role: 'assistant' as const,
  state: 'done' as const,
  toolCalls: [],
  reasoningTokens: 0,
  answerTokens: 0,
  moving: false,
  moves: [],
  events: [],
  stalled: false,
}
