import { expect, test } from 'vitest'
import { relay } from './relay.ts'

function letters(text: string) {
  const state = { given: 0, closed: false }
  async function* tokens(): AsyncGenerator<string, number> {
    try {
      for (const letter of text) {
        state.given++
        yield letter
      }
      return text.length
    } finally {
      state.closed = true
    }
  }
  return { state, tokens: tokens() }
}

const upper = (letter: string) => letter.toUpperCase()

test('passes on what is made of each token, and the end', async () => {
  const { tokens } = letters('abc')
  const made: string[] = []
  const stream = relay(tokens, upper)
  let step = await stream.next()
  for (; !step.done; step = await stream.next()) made.push(step.value)
  expect([made, step.value]).toEqual([['A', 'B', 'C'], 3])
})

test('closed, it closes the tokens', async () => {
  const { tokens, state } = letters('abc')
  const stream = relay(tokens, upper)
  await stream.next()
  await stream.return(0)
  expect(state).toEqual({ given: 1, closed: true })
})

test('is over after the token that says so, without the end', async () => {
  const { tokens, state } = letters('abc')
  const stream = relay(tokens, upper, () => state.given === 2)
  expect([await stream.next(), await stream.next(), await stream.next()]).toEqual([
    { value: 'A', done: false },
    { value: 'B', done: false },
    { value: undefined, done: true },
  ])
  expect(state.closed).toBe(true)
})
