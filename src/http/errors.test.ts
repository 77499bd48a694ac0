import { expect, test } from 'vitest'
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
