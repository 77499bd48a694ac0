import { Hono } from 'hono'
import { writtenText } from '../tokenizer/written-text.ts'
import { type Answers, OpenAnswer } from './answers.ts'
import { CHUNKS } from './chat-completions.ts'
import { promptsOf, textCompletionBody, textRequests } from './completion-body.ts'
import { TextCompletionObjects } from './completion-objects.ts'
import { jsonBody } from './json-body.ts'

/** POST /completions: a text goes on as it is, without a template. */
export function completions(answers: Answers) {
  return new Hono().post('/completions', async (c) => {
    const { body } = await jsonBody(c, textCompletionBody)
    const id = `cmpl-${crypto.randomUUID()}`
    const prompts = promptsOf(body.prompt)
    const each = body.n ?? 1
    const request = () => textRequests(body)
    const answer = await OpenAnswer.open(c, answers, { id, model: body.model, answers: each, request })
    const { tokenizer, id: model } = answer.chat
    const textOf = (prompt: string | readonly number[]) =>
      typeof prompt === 'string' ? prompt : writtenText(tokenizer, prompt)
    const echo = body.echo ? prompts.map(textOf) : undefined
    const objects = new TextCompletionObjects({ id, model, echo, prompts: prompts.length, each })
    if (!body.stream) return answer.json((beat) => objects.completion(answer.answers, beat))
    return answer.stream(objects.chunks(answer.answers, body.stream_options?.include_usage ?? false), CHUNKS)
  })
}
