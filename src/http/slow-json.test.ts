import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { HOLD_MS, sendSlowJson } from './slow-json.ts'

/** Beats before and after the status is out. */
function answer(early: number, late: number) {
  const app = new Hono().get('/', (c) => {
    const make = async (beat: () => void) => {
      for (let done = 0; done < early; done++) beat()
      if (late > 0) await new Promise((resolve) => setTimeout(resolve, HOLD_MS + 100))
      for (let done = 0; done < late; done++) beat()
      return { made: true }
    }
    return sendSlowJson(
      c,
      make,
      () => {},
      ({ body }) => body,
    )
  })
  return app.request('/')
}

test('an object that is soon made comes alone, with its length', async () => {
  const response = await answer(3, 0)
  expect(await response.text()).toBe('{"made":true}')
})

test('an object that takes long comes behind a space for each beat since, and ends the body', async () => {
  // One more when the status went out.
  expect(await (await answer(3, 2)).text()).toBe('   {"made":true}')
})
