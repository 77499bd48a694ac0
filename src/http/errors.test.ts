import { expect, test } from 'vitest'
import { fakeApp, HELLO, post, readEvents } from '../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import { GrammarError, GrammarMemoryError } from '../grammar/grammar-error.ts'
import { toApiError } from './errors.ts'

test('a full memory of grammars is told to the client, who may ask again', () => {
  const { status, body } = toApiError(new GrammarMemoryError())
  expect(status).toBe(503)
  expect(body.error).toMatchObject({ type: 'server_error', code: 'grammar_memory_full' })
  expect(body.error.message).toContain('Ask again, for a shorter answer.')
})

test('a grammar that becomes too large in the midst of an answer is the request at fault', () => {
  const { status, body } = toApiError(new GrammarError('grammar_too_large', 'The grammar is too large.'))
  expect(status).toBe(400)
  expect(body.error).toMatchObject({ type: 'invalid_request_error', code: 'grammar_too_large' })
})

test('a stream whose grammar has lost its memory ends with that error, and the next one is held', async () => {
  const answer = JSON.stringify({ text: 'x'.repeat(20_000) })
  const chat = fakeChat(new FakeModel(answer))
  const app = fakeApp(chat)
  const held = { ...HELLO, response_format: { type: 'json_object' } }
  const events: string[] = []
  for await (const data of readEvents(await post(app, { ...held, stream: true }))) {
    // Another answer fills the memory that both share.
    if (events.push(data) === 3) {
      const other = await chat.grammars.compile({ ebnf: 'root ::= [a-z]*' })
      expect(() => other.matcher().acceptText('x'.repeat(1_000_000))).toThrow(GrammarMemoryError)
    }
  }
  expect(JSON.parse(events.findLast((data) => data !== '[DONE]')!)).toMatchObject({
    error: { type: 'server_error', code: 'grammar_memory_full' },
  })
  const next = await post(app, { ...held, max_tokens: 5 })
  expect([next.status, await next.json()]).toMatchObject([
    200,
    { choices: [{ message: { content: answer.slice(0, 5) } }] },
  ])
})
