import { describe, expect, it } from 'vitest'
import { type Answer, compareAnswers, endsInLoop } from './answers.ts'

const answer = (tokens: number[], calls = 0): Answer => ({
  text: tokens.join(' '),
  tokens,
  toolCalls: Array.from({ length: calls }, () => ({ name: 'a', arguments: '{}' })),
  cut: false,
})
const range = (length: number) => Array.from({ length }, (_, i) => i)

describe('endsInLoop', () => {
  it.each([
    ['one token', Array(24).fill(7), true],
    ['a sentence three times', [99, ...range(30), ...range(30), ...range(30)], true],
    ['a sentence three times and half of it', [...range(30), ...range(30), ...range(30), ...range(15)], true],
    ['a sentence twice', [...range(30), ...range(30)], false],
    ['three dots', [...range(40), 1, 1, 1], false],
    ['a loop that the answer leaves', [...Array(40).fill(7), 8], false],
    ['nothing', [], false],
  ])('%s', (_, tokens, expected) => {
    expect(endsInLoop(tokens)).toBe(expected)
  })
})

it('compareAnswers counts what is equal, loops and calls of tools', () => {
  const messages = [{ role: 'user' as const, content: 'x' }]
  const prompts = [{ messages }, { messages, tools: [{}] }, { messages, tools: [{}] }]
  const ours = [answer([1, 2, 9, 9]), answer([5], 1), answer(Array(30).fill(3))]
  const theirs = [answer([1, 2, 3, 4]), answer([5], 1), answer([6, 7], 1)]
  expect(compareAnswers(prompts, ours, theirs)).toEqual({
    answers: 3,
    identical: 1,
    equalShare: 0.5,
    loops: 1,
    referenceLoops: 0,
    meanTokens: 35 / 3,
    referenceMeanTokens: 7 / 3,
    toolPrompts: 2,
    toolAnswers: 1,
    referenceToolAnswers: 2,
  })
})
