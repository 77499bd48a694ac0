import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { QUESTION } from '../../test/support/fake-chat.ts'
import { EOS_ID, fakeChat } from '../../test/support/fake-model.ts'
import { LettersLanguage, likeliest } from '../../test/support/letters-language.ts'
import { GenerationQueue } from '../generate/queue.ts'
import { edgeAlone } from '../route/service.ts'
import { type AnswerRequest, completeAll } from './complete.ts'
import type { AnswersEvent } from './events.ts'

const { signal } = new AbortController()
const SEEDED = { ...QUESTION, maxTokens: 12, sampling: { temperature: 1.5, seed: 7 } }

async function all(
  language: LettersLanguage,
  requests: readonly AnswerRequest[],
  each: number,
  signal = new AbortController().signal,
  service = edgeAlone(),
) {
  const events: AnswersEvent[] = []
  for await (const event of completeAll(fakeChat(language), requests, each, signal, service)) events.push(event)
  const of = (answer: number) => events.filter((event) => event.answer === answer).map(({ event }) => event)
  return {
    events,
    texts: Array.from({ length: requests.length * each }, (_, answer) =>
      of(answer)
        .map((event) => (event.type === 'content' ? event.text : ''))
        .join(''),
    ),
    finishes: Array.from({ length: requests.length * each }, (_, answer) =>
      of(answer).find((event) => event.type === 'finish'),
    ),
  }
}

describe('several answers', () => {
  test('read the prompt once, in one turn and one cache', async () => {
    const language = new LettersLanguage()
    const { texts, finishes } = await all(language, [SEEDED], 5)
    const promptTokens = finishes[0]!.usage.promptTokens
    const long = language.forwarded.filter(({ length }) => length > 1)
    expect(long.map(({ length }) => length)).toEqual([promptTokens])
    expect(finishes.map((finish) => finish!.usage.cachedTokens)).toEqual([0, ...Array(4).fill(promptTokens - 1)])
    expect([language.mostHeld, language.held]).toEqual([1, 0])
    expect(new Set(texts).size).toBe(5)
  })

  test('are the same each time with a seed, the first is that of the request alone, and none shares its numbers', async () => {
    const { texts } = await all(new LettersLanguage(), [SEEDED], 4)
    expect((await all(new LettersLanguage(), [SEEDED], 4)).texts).toEqual(texts)
    expect((await all(new LettersLanguage(), [SEEDED], 1)).texts).toEqual(texts.slice(0, 1))
    expect((await all(new LettersLanguage(), [SEEDED], 2)).texts).toEqual(texts.slice(0, 2))
  })

  test('to several texts are what each gets alone, whatever the texts have in common', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), minLength: 1, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        async (prompts, each) => {
          const requests = prompts.map((prompt) => ({ ...SEEDED, messages: undefined, prompt, maxTokens: 5 }))
          const plain = requests.map(({ messages: _, ...request }) => request)
          const together = await all(new LettersLanguage(), plain, each)
          const alone = await Promise.all(plain.map((request) => all(new LettersLanguage(), [request], each)))
          expect(together.texts).toEqual(alone.flatMap(({ texts }) => texts))
        },
      ),
      { numRuns: 25 },
    )
  })

  test('start once, and each has its finish', async () => {
    const { events } = await all(new LettersLanguage(), [SEEDED], 3)
    expect(events.filter(({ event }) => event.type === 'start')).toHaveLength(1)
    expect(events.filter(({ event }) => event.type === 'finish').map(({ answer }) => answer)).toEqual([0, 1, 2])
  })

  test('that are stopped compute nothing more, and give the turn and the cache back', async () => {
    const language = new LettersLanguage()
    const queue = new GenerationQueue()
    const abort = new AbortController()
    const events = completeAll(fakeChat(language), [SEEDED], 3, abort.signal, edgeAlone(queue))
    for await (const { answer, event } of events) if (answer === 1 && event.type === 'content') break
    const computed = language.forwarded.length
    expect([queue.ahead, language.held]).toEqual([0, 0])
    await new Promise((resolve) => setImmediate(resolve))
    expect(language.forwarded.length).toBe(computed)
  })

  test('give way between two of them while nobody reads and somebody waits', async () => {
    const language = new LettersLanguage()
    const service = edgeAlone()
    let listening = true
    const visitor = { client: 'a', listening: () => listening }
    const events = completeAll(fakeChat(language), [{ ...SEEDED, visitor }], 2, new AbortController().signal, service)
    const texts = ['', '']
    let other: Promise<{ texts: string[] }> | undefined
    for await (const { answer, event } of events) {
      if (event.type === 'content') texts[answer] += event.text
      if (answer === 0 && event.type === 'content' && !other) {
        listening = false
        other = all(language, [QUESTION_OF_B], 1, undefined, service)
      }
    }
    expect((await other!).texts[0]).toBe(likeliest(PROMPT, 3))
    expect(texts).toEqual((await all(new LettersLanguage(), [SEEDED], 2)).texts)
    expect(language.mostHeld).toBe(1)
  })

  test('to other prompts give way where somebody waits, those to one prompt stay together', async () => {
    const language = new LettersLanguage()
    const service = edgeAlone()
    const plain = ['x', 'y'].map((prompt) => ({ prompt, sampling: { temperature: 0 }, stop: [], maxTokens: 3 }))
    const ended: string[] = []
    let other: Promise<void> | undefined
    for await (const { answer, event } of completeAll(fakeChat(language), plain, 2, signal, service)) {
      if (event.type === 'finish') ended.push(`${answer}`)
      other ??= all(language, [QUESTION_OF_B], 1, signal, service).then(() => void ended.push('other'))
    }
    await other
    expect(ended).toEqual(['0', '1', 'other', '2', '3'])
    expect(language.mostHeld).toBe(1)
  })
})

const PROMPT = '<|im_start|>user\nHello?<|im_end|>\n<|im_start|>assistant\n'
const QUESTION_OF_B = { ...QUESTION, maxTokens: 3, visitor: { client: 'b', listening: () => true } }

describe('when an answer ends', () => {
  const greedy = { prompt: 'a', sampling: { temperature: 0 }, stop: [], maxTokens: 30 }
  const letters = likeliest('a', 30)

  test('a stop token ends it, and is no part of it', async () => {
    const [stop] = new TextEncoder().encode(letters[4])
    const { texts, finishes } = await all(new LettersLanguage(), [{ ...greedy, stopTokenIds: [stop] }], 1)
    expect([texts[0], finishes[0]!.reason]).toEqual([letters.slice(0, letters.indexOf(letters[4])), 'stop'])
  })

  test('not before minTokens', async () => {
    const stop = new TextEncoder().encode('ab \n')
    const { finishes } = await all(new LettersLanguage(), [{ ...greedy, stopTokenIds: [...stop], minTokens: 9 }], 1)
    expect(finishes[0]!.usage.completionTokens).toBeGreaterThanOrEqual(9)
  })

  test('ignoreEos: the EOS token is one like others, which nobody sees', async () => {
    const biased = { ...greedy, sampling: { temperature: 0, logitBias: new Map([[EOS_ID, 100]]) }, maxTokens: 3 }
    const [ended, ignored] = [biased, { ...biased, ignoreEos: true }].map((request) =>
      all(new LettersLanguage(), [request], 1),
    )
    expect((await ended).finishes[0]).toMatchObject({ reason: 'stop', usage: { completionTokens: 0 } })
    expect((await ignored).finishes[0]).toMatchObject({ reason: 'length', usage: { completionTokens: 3 } })
    expect((await ignored).texts).toEqual([''])
  })
})
