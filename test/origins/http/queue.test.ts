import { describe, expect, test, vi } from 'vitest'
import { GenerationQueue } from '../../../src/generate/queue.ts'
import { HELLO, post } from '../../support/fake-app.ts'
import { FakeModel } from '../../support/fake-model.ts'
import { originApp } from '../origin-app.ts'
import { ask, eachTest, HAND_OVER, LENGTH, LONG } from './each-test.ts'

const { lines, originOf } = eachTest()

describe('the edge’s queue', () => {
  /** A model that stands still until it is let go. */
  function held(script: string) {
    const model = new FakeModel(script)
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    model.beforeDecode = () => gate
    return { model, letGo }
  }

  test('is not for answers of an origin, which takes those that would wait', async () => {
    const { url } = await originOf('Yes.')
    const { model, letGo } = held('Yes.')
    const app = originApp({ model, origins: [{ url }] })
    const first = ask(app, { model: 'fake-model:edge' })
    await vi.waitFor(() => expect(model.sequences).toBe(1))
    expect((await ask(app, { model: 'fake-model:origin' })).route).toBe('origin; reason=asked-for')
    expect((await ask(app)).route).toBe('origin; reason=edge-busy')
    letGo()
    expect((await first).route).toBe('edge; reason=asked-for')
    expect((await ask(app)).route).toBe('edge-then-origin; reason=may-get-long')
  })

  test('refuses who cannot wait, unless an origin takes the request', async () => {
    const { url } = await originOf('Yes.')
    const { model, letGo } = held('Yes.')
    const app = originApp({ model, origins: [{ url }], queue: new GenerationQueue(1, 0) })
    const first = ask(app, { model: 'fake-model:edge' })
    await vi.waitFor(() => expect(model.sequences).toBe(1))
    const refused = await post(app, { ...HELLO, model: 'fake-model:edge' })
    expect([refused.status, refused.headers.has('Retry-After')]).toEqual([429, true])
    expect((await ask(app)).route).toBe('origin; reason=edge-busy')
    letGo()
    await first
  })

  test('is left while an origin goes on', async () => {
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    let made = 0
    const origin = await originOf(LONG, { beforeToken: async () => (++made > 3 ? gate : undefined) })
    const app = originApp({ model: new FakeModel(LONG), origins: [{ url: origin.url }], env: HAND_OVER })
    const first = ask(app)
    await vi.waitFor(() => expect(origin.made).toBe(3))
    await vi.waitFor(async () => expect(lines.join()).toContain('"handover"'))
    expect((await ask(app, { model: 'fake-model:edge', max_tokens: 3 })).usage.nanbeige.edge_tokens).toBe(3)
    letGo()
    expect((await first).usage.completion_tokens).toBe(LENGTH)
  })
})
