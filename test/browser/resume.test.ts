import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath } from './chromium.ts'
import { DisturbedAnswers } from './disturbed-answers.ts'

// npm run bench:resume does this a hundred times.
describe.skipIf(!chromiumPath)('an answer of the real server in Chromium (needs one: set CHROMIUM to its path)', () => {
  let answers: DisturbedAnswers
  beforeAll(async () => {
    answers = await DisturbedAnswers.start(2)
  })
  afterAll(() => answers?.stop())

  test.each([[['cut', 'cut', 'cut']], [['reload', 'reload']], [['cut', 'reload', 'cut']]] as const)(
    'is the same after %s at random bytes',
    async (disturbances) => {
      const { outcome, text, expected } = await answers.answer(disturbances)
      expect(text).toBe(expected)
      expect(outcome).toBe('equal')
      expect(text.length).toBeGreaterThan(100)
    },
  )

  test('is the same, or ends clearly, when the server is started anew', async () => {
    const { outcome, text, expected, error } = await answers.answer(['restart'])
    expect(outcome).toMatch(/^(equal|clear end)$/)
    if (outcome === 'clear end')
      expect({ error, begins: expected.startsWith(text) }).toEqual({ error: 'completion_lost', begins: true })
  })
})
