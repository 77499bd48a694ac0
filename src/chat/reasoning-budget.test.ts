import { describe, expect, test } from 'vitest'
import { run } from '../../test/support/fake-chat.ts'
import { CHATML, FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import { ChatTemplate } from './template.ts'

describe('a reasoning budget', () => {
  /** Thinks for ever; says yes when its thinking is closed. */
  class Thinker extends FakeModel {
    constructor(thought = '<think>\nOne.\nTwo.\n') {
      const closed = '</think>\n\n'
      super((_, answer) => {
        const end = answer.indexOf(closed)
        return end < 0 ? thought.padEnd(500, '.') : `${answer.slice(0, end)}${closed}Yes.`
      })
    }
  }

  test('closes the reasoning when it is spent, and the model goes on', async () => {
    const { reasoning, text, finish } = await run(fakeChat(new Thinker()), { reasoningBudget: 4 })
    expect([reasoning, text]).toEqual(['On', 'Yes.'])
    expect(finish).toMatchObject({
      reason: 'stop',
      usage: { completionTokens: 4 + 4 + 4, reasoningTokens: 4 + 4 },
    })
  })

  test('does not write a second line break before the tag', async () => {
    const { reasoning, finish } = await run(fakeChat(new Thinker()), { reasoningBudget: '.\nOne.\n'.length })
    expect(reasoning).toBe('One.')
    expect(finish!.usage.reasoningTokens).toBe('.\nOne.\n'.length + 3)
  })

  test('lets a character be finished', async () => {
    const { reasoning, text } = await run(fakeChat(new Thinker('<think>\n😀')), { reasoningBudget: 4 })
    expect([reasoning, text]).toEqual(['😀', 'Yes.'])
  })

  test('of 0 puts empty reasoning first', async () => {
    const { reasoning, text, finish } = await run(fakeChat(new Thinker()), { reasoningBudget: 0 })
    expect([reasoning, text]).toEqual(['', 'Yes.'])
    expect(finish!.usage).toMatchObject({ completionTokens: 6 + 4, reasoningTokens: 6 })
  })

  test('of 0 closes what the template opened', async () => {
    const template = new ChatTemplate(`${CHATML}{% if add_generation_prompt %}<think>\n{% endif %}`)
    const { reasoning, text, finish } = await run(fakeChat(new Thinker(), { template }), { reasoningBudget: 0 })
    expect([reasoning, text]).toEqual(['', 'Yes.'])
    expect(finish!.usage.reasoningTokens).toBe(4)
  })

  test('that is not spent changes nothing', async () => {
    const answer = '<think>\nOne.\n</think>\n\nYes.'
    const free = await run(fakeChat(new FakeModel(answer)))
    expect(await run(fakeChat(new FakeModel(answer)), { reasoningBudget: 8 })).toEqual(free)
  })

  test('does not let reasoning be opened again', async () => {
    const stubborn = new FakeModel((_, answer) => {
      const [thought, ...answers] = answer.split('</think>')
      if (answers.length === 0) return '<think>'.padEnd(500, '.')
      return answers.length === 1 ? `${answer}<think>` : `${thought}</think>${answers[0]}</think>No.`
    })
    const { reasoning, text, finish } = await run(fakeChat(stubborn), { reasoningBudget: 2 })
    expect([reasoning, text]).toEqual(['.', 'No.'])
    // The second choice after <think> is </think>, which closes nothing.
    expect(finish!.usage).toMatchObject({ completionTokens: 2 + 4 + 1 + 3, reasoningTokens: 2 + 4 + 1 })
  })

  test('has its tokens in the logprobs', async () => {
    const { events } = await run(fakeChat(new Thinker()), { reasoningBudget: 2, topLogprobs: 1 })
    const ofReasoning = events.flatMap((event) => (event.type === 'reasoning' ? (event.logprobs ?? []) : []))
    expect(ofReasoning.map(({ token }) => token).join('')).toBe('<think>\n</think>\n\n')
    expect(ofReasoning.at(-1)!.logprob).toBeLessThan(-1)
  })

  test('counts within max tokens', async () => {
    const { finish } = await run(fakeChat(new Thinker()), { reasoningBudget: 4, maxTokens: 6 })
    expect(finish).toMatchObject({ reason: 'length', usage: { completionTokens: 6, reasoningTokens: 6 } })
  })

  test('means nothing to a model that does not reason', async () => {
    const chat = fakeChat(new FakeModel('Yes.'), { tags: new Map() })
    const { text, finish } = await run(chat, { reasoningBudget: 0 })
    expect(text).toBe('Yes.')
    expect(finish!.usage).toMatchObject({ completionTokens: 4, reasoningTokens: 0 })
  })
})
