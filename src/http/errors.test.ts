import { expect, test } from 'vitest'
import { GrammarMemoryError } from '../grammar/grammar-error.ts'
import { toApiError } from './errors.ts'

test('a full memory of grammars is told to the client, who may ask again', () => {
  const { status, body } = toApiError(new GrammarMemoryError())
  expect(status).toBe(503)
  expect(body.error).toMatchObject({ type: 'server_error', code: 'grammar_memory_full' })
  expect(body.error.message).toContain('Ask again, for a shorter answer.')
})
