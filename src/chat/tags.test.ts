import { describe, expect, test } from 'vitest'
import { ByteTokenizer } from '../../test/support/fake-model.ts'
import { answerTags, endsInReasoning, withoutToolCalls } from './tags.ts'

const tokenizer = new ByteTokenizer()
const tags = answerTags(tokenizer)

/** A tokenizer that knows some added tokens only. */
function knowing(...known: string[]): ByteTokenizer {
  const some = new ByteTokenizer()
  some.addedToken = (text) => (known.includes(text) ? tokenizer.addedToken(text) : undefined)
  return some
}

test('tags are those that are tokens, opening and closing', () => {
  expect([...tags.values()]).toEqual(['<think>', '</think>', '<tool_call>', '</tool_call>'])
  expect([...answerTags(knowing('<tool_call>', '</tool_call>', '<think>')).values()]).toEqual([
    '<tool_call>',
    '</tool_call>',
  ])
  expect([...answerTags(knowing())]).toEqual([])
  expect([...withoutToolCalls(tags).values()]).toEqual(['<think>', '</think>'])
})

describe('a prompt', () => {
  test.each([
    ['<|im_start|>assistant\n', false],
    ['<|im_start|>assistant\n<think>', true],
    ['<|im_start|>assistant\n<think>\n', true],
    ['<think>\nA\n</think>\n\nB<|im_end|>\n<|im_start|>assistant\n<think>\n', true],
    ['<|im_start|>assistant\n<think>\n\n</think>\n\n', false],
    ['<|im_start|>assistant\n<think>A', false],
    ['<|im_start|>user\n<think><|im_end|>\n', false],
  ])('%j ends in reasoning: %s', (text, expected) => {
    expect(endsInReasoning(tokenizer.encode(text), tags, tokenizer)).toBe(expected)
  })

  test.each([
    ['<|im_start|>assistant\n<think>A', true],
    ['<|im_start|>assistant\n<think>A</think>B', false],
    ['<|im_start|>assistant\nB', false],
  ])('whose last message goes on ends in reasoning behind %j: %s', (text, expected) => {
    expect(endsInReasoning(tokenizer.encode(text), tags, tokenizer, true)).toBe(expected)
  })

  test('of a model without tags never does', () => {
    expect(endsInReasoning(tokenizer.encode('<think>'), new Map(), tokenizer)).toBe(false)
  })
})
