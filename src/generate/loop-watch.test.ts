import { describe, expect, test } from 'vitest'
import { nanbeigeTokenizer } from '../../test/support/nanbeige.ts'
import { loops } from '../../test/support/traces/loops.ts'
import { LIVE, soundTexts } from '../../test/support/traces/sound.ts'
import { foundAfter, foundBehind, IN_TIME } from '../../test/support/traces/watch.ts'
import { LoopWatch } from './loop-watch.ts'

// All of the texts, and the embedded model's tokenizer too: npm run bench:loops.
const tokenizer = nanbeigeTokenizer()

test.each([1, 2, 3, 7, 12, 13, 40, 150, 512])('the same %i tokens over and over are found', (period) => {
  const watch = new LoopWatch()
  let found = 0
  for (let i = 0; i < 3000 && !watch.isLoop(1); i++, found++) {
    // With repetitions inside, which may be taken for the loop.
    watch.push(i % period < 30 ? (i % period) % 14 : i % period, false)
  }
  expect(found).toBeGreaterThan(period)
  expect(found).toBeLessThanOrEqual(2 * period + IN_TIME)
})

test('what never repeats is no loop, however long', () => {
  const watch = new LoopWatch()
  for (let i = 0; i < 20_000; i++) {
    watch.push((i * i) % 9973, true)
    expect(watch.isLoop(1)).toBe(false)
  }
})

test('after a reset nothing is known', () => {
  const watch = new LoopWatch()
  for (let i = 0; i < 400; i++) watch.push(i % 5, true)
  expect([watch.isLoop(1), watch.isExactLoop(1)]).toEqual([true, true])
  watch.reset()
  expect([watch.isLoop(1), watch.isExactLoop(1)]).toEqual([false, false])
})

describe('texts', () => {
  const sample = loops().filter((_, index) => index % 4 === 0)
  test.each([...new Set(sample.map(({ kind }) => kind))])('that go round in circles are found in time: %s', (kind) => {
    for (const loop of sample.filter((one) => one.kind === kind)) {
      const behind = foundBehind(tokenizer, loop)
      expect.soft(behind, loop.rounds[1]).toBeLessThanOrEqual(IN_TIME)
    }
  })

  const sound = soundTexts(0.2).filter(({ kind }) => !LIVE.has(kind))
  test.each([...new Set(sound.map(({ kind }) => kind))])('that do not are no loops: %s', (kind) => {
    for (const { text } of sound.filter((one) => one.kind === kind)) {
      expect.soft(foundAfter(tokenizer, text), text.slice(0, 80)).toBeUndefined()
    }
  })
})
