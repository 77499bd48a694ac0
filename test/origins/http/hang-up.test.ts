import { setTimeout } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { HELLO, post, readEvents } from '../../support/fake-app.ts'
import { FakeModel } from '../../support/fake-model.ts'
import type { FakeOrigin } from '../fake-origin.ts'
import { originApp } from '../origin-app.ts'
import { eachTest, HAND_OVER } from './each-test.ts'

const { originOf } = eachTest()

/** Resolves when the origin makes no more tokens. */
async function expectStopped(origin: FakeOrigin, total: number) {
  await vi.waitFor(async () => {
    const { made } = origin
    await setTimeout(60)
    expect(origin.made).toBe(made)
  })
  expect(origin.made).toBeLessThan(total)
}

describe('a client that goes away stops both', () => {
  const ENDLESS = 'It is so. '.repeat(350)

  test.each([
    ['edge-then-origin', {}],
    ['origin', { model: 'fake-model:origin' }],
  ])('%s', async (_, change) => {
    const origin = await originOf(ENDLESS)
    const model = new FakeModel(ENDLESS)
    const app = originApp({ model, origins: [{ url: origin.url }], env: HAND_OVER })
    const events = readEvents(await post(app, { ...HELLO, ...change, stream: true }))
    while (origin.made === 0) await events.next()
    await events.next()
    await events.return(undefined)
    await expectStopped(origin, ENDLESS.length)
    const { decoded } = model
    await setTimeout(30)
    expect(model.decoded).toBe(decoded)
    expect(model.released).toBe(model.sequences)
    expect(model.decoded).toBeLessThan(ENDLESS.length)
  })
})
