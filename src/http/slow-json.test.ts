import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { sendSlowJson } from './slow-json.ts'

test.each([
  [0, '{"made":true}'],
  [3, '   {"made":true}'],
])('after %i beats the object comes behind as many spaces, and ends the body', async (beats, body) => {
  const app = new Hono().get('/', (c) => {
    const make = async (beat: () => void) => {
      for (let done = 0; done < beats; done++) beat()
      return { made: true }
    }
    return sendSlowJson(c, make, () => {})
  })
  expect(await (await app.request('/')).text()).toBe(body)
})
