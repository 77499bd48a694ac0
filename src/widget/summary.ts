import { AnswerError } from './answer-error.ts'
import { openAnswer } from './client.ts'
import type { Conversation } from './conversation.ts'
import type { Room } from './room.ts'
import { messagesOf } from './turn-tree.ts'

const MAX_TOKENS = 400
const TASK =
  'Sum up our conversation so far in a few sentences, with all facts, names and decisions that matter for going on. Write the summary only.'

/** What a conversation says, in short: its oldest turns are left out until the others have room. Rejects with an AnswerError. */
export async function summarize(conversation: Conversation, { server, settings }: Room): Promise<string> {
  const { model } = settings
  let turns = conversation.turns.map(({ turn }) => turn)
  // The last question is asked again behind it.
  turns = turns.slice(
    0,
    turns.findLastIndex(({ role }) => role === 'user'),
  )
  for (;;) {
    const messages = [...messagesOf(turns), { role: 'user', content: TASK }]
    const body = { model, messages, stream: true, reasoning_effort: 'none', max_tokens: MAX_TOKENS }
    try {
      let summary = ''
      for await (const { events } of openAnswer(server, body, new AbortController().signal)) {
        for (const event of events) if (event.type === 'text') summary += event.text
      }
      return summary.trim()
    } catch (error) {
      const isTooLong = error instanceof AnswerError && error.code === 'context_length_exceeded'
      if (!isTooLong || turns.length < 2) throw error
      turns = turns.slice(Math.ceil(turns.length / 2))
    }
  }
}
