import { Hono } from 'hono'
import { type Answers, OpenAnswer } from './answers.ts'
import { CompletionObjects } from './chat-completion-objects.ts'
import { jsonBody } from './json-body.ts'
import type { Dialect } from './recording.ts'
import { chatRequest, completionBody } from './schemas.ts'

/** OpenAI's streams of chunks. */
export const CHUNKS: Dialect = { last: '[DONE]', error: (error) => error.body }

/** POST /chat/completions */
export function chatCompletions(answers: Answers) {
  return new Hono().post('/chat/completions', async (c) => {
    const { body, source } = await jsonBody(c, completionBody)
    const id = `chatcmpl-${crypto.randomUUID()}`
    const answer = await OpenAnswer.open(c, answers, {
      id,
      model: body.model,
      answers: body.n ?? 1,
      request: () => chatRequest(body, source),
    })
    const objects = new CompletionObjects(id, answer.chat.id, body.n ?? 1)
    if (!body.stream) return answer.json((beat) => objects.completion(answer.answers, beat))
    return answer.stream(objects.chunks(answer.answers, body.stream_options?.include_usage ?? false), CHUNKS)
  })
}
