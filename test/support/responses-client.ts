import OpenAI from 'openai'
import { afterEach } from 'vitest'
import { fakeApp } from './fake-app.ts'
import { FakeModel, fakeChat, type Script } from './fake-model.ts'
import { listen } from './listen.ts'
import { memorySql } from './memory-sql.ts'

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** OpenAI's own client, over a socket to the app around a fake model; both go with the test. */
export async function responsesClient(script: string | Script | FakeModel, sql = memorySql()) {
  const model = script instanceof FakeModel ? script : new FakeModel(script)
  const server = await listen(fakeApp(fakeChat(model), sql))
  stops.push(() => server.stop())
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  return { client, model, sql, url: `${server.url}/v1/responses` }
}

/** A model that makes a token of its answer each time it is told to, and waits for the next time. */
export function steppedModel(script: string | Script) {
  const model = new FakeModel(script)
  const steps: (() => void)[] = []
  let allowed = 0
  model.beforeDecode = async () => {
    if (allowed-- > 0) return
    await new Promise<void>((resolve) => steps.push(resolve))
  }
  return {
    model,
    step(tokens: number): void {
      allowed = tokens
      for (const resolve of steps.splice(0)) {
        allowed--
        resolve()
      }
    },
  }
}

export async function all<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const read: Value[] = []
  for await (const value of values) read.push(value)
  return read
}
