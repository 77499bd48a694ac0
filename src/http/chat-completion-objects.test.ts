import { expect, test } from 'vitest'
import type { AnswersEvent } from '../chat/events.ts'
import { CompletionObjects } from './chat-completion-objects.ts'

test('a chunk can leave before the next event is asked for', async () => {
  const happened: string[] = []
  async function* events(): AsyncGenerator<AnswersEvent> {
    happened.push('asked')
    yield { answer: 0, event: { type: 'content', text: 'a' } }
    happened.push('asked again')
  }
  const chunks = new CompletionObjects('chatcmpl-1', 'm').chunks(events(), false)
  for await (const { choices } of chunks) {
    happened.push(`chunk ${JSON.stringify(choices[0].delta)}`)
    if (happened.length > 2) setImmediate(() => happened.push('left'))
  }
  expect(happened).toEqual([
    'chunk {"role":"assistant","content":""}',
    'asked',
    'chunk {"content":"a"}',
    'left',
    'asked again',
  ])
})
