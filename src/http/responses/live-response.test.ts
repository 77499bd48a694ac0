import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { memorySql } from '../../../test/support/memory-sql.ts'
import { all, responsesClient, steppedModel } from '../../../test/support/responses-client.ts'
import type { Sql } from './store.ts'

const HELLO = { model: 'fake-model', input: 'Hello?' }

describe('a response that goes on', () => {
  test('in the background is asked for, and read from any event on', async () => {
    const { model, step } = steppedModel('Hello there!')
    const { client } = await responsesClient(model)
    const { id, status } = await client.responses.create({ ...HELLO, background: true })
    expect(status).toBe('in_progress')
    step(3)
    const stream = await client.responses.retrieve(id, { stream: true })
    const seen: ResponseStreamEvent[] = []
    for await (const event of stream) {
      seen.push(event)
      // The client loses its connection, and the response goes on.
      if (seen.filter(({ type }) => type === 'response.output_text.delta').length === 3) break
    }
    expect(await client.responses.retrieve(id)).toMatchObject({
      status: 'in_progress',
      output: [{ status: 'in_progress' }],
    })
    const rest = await client.responses.retrieve(id, {
      stream: true,
      starting_after: seen.at(-1)!.sequence_number,
    })
    step(100)
    const events = [...seen, ...(await all(rest))]
    expect(events.at(-1)).toMatchObject({ type: 'response.completed' })
    expect(await all(await client.responses.retrieve(id, { stream: true }))).toEqual(events)
    expect((await client.responses.retrieve(id)).output_text).toBe('Hello there!')
  })

  test('is cancelled, whoever waits for it', async () => {
    const { model, step } = steppedModel('Hello there!')
    const { client } = await responsesClient(model)
    const { id } = await client.responses.create({ ...HELLO, background: true })
    step(3)
    const reading = client.responses.retrieve(id, { stream: true }).then(all)
    reading.catch(() => {})
    const cancelling = client.responses.cancel(id)
    step(1)
    const cancelled = await cancelling
    expect(cancelled).toMatchObject({ id, status: 'cancelled', error: { code: 'cancelled' } })
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' })
    expect(await client.responses.retrieve(id)).toMatchObject({ status: 'cancelled', output: cancelled.output })
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'cancelled' })
    expect(model.released).toBe(1)
  })

  test('is not continued before its end', async () => {
    const { model } = steppedModel('Hello there!')
    const { client } = await responsesClient(model)
    const { id } = await client.responses.create({ ...HELLO, background: true })
    const next = client.responses.create({ ...HELLO, previous_response_id: id })
    await expect(next).rejects.toMatchObject({ status: 400, code: 'previous_response_in_progress' })
  })

  test('when the object is restarted has failed', async () => {
    const { model } = steppedModel('Hello there!')
    const { client, sql } = await responsesClient(model)
    const { id } = await client.responses.create({ ...HELLO, background: true })
    const restarted = await responsesClient('Hi', sql)
    const failed = { status: 'failed', error: { code: 'server_restarted' }, output: [] }
    expect(await restarted.client.responses.retrieve(id)).toMatchObject(failed)
    const reading = restarted.client.responses.retrieve(id, { stream: true }).then(all)
    await expect(reading).rejects.toMatchObject({ code: 'server_restarted' })
  })

  test('stops with its client, unless it is in the background', async () => {
    const { model, step } = steppedModel('Hello there!')
    const { client } = await responsesClient(model)
    const stream = await client.responses.create({ ...HELLO, stream: true })
    let id = ''
    for await (const event of stream) {
      if (event.type === 'response.created') id = event.response.id
      if (event.type === 'response.in_progress') break
    }
    // The next token finds nobody.
    const afterToken = () => {
      step(1)
      return client.responses.retrieve(id)
    }
    await expect.poll(afterToken).toMatchObject({ status: 'cancelled' })
    expect(model.decoded).toBeLessThan(12)
  })
})

describe('a failure', () => {
  beforeEach(() => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
  })
  afterEach(() => vi.restoreAllMocks())

  function failing(afterTokens: number) {
    const { model, step } = steppedModel('Hello there!')
    step(afterTokens)
    const decode = model.beforeDecode
    model.beforeDecode = async () => {
      if (model.decoded >= afterTokens) throw new Error('out of memory')
      await decode()
    }
    return responsesClient(model)
  }

  test('of a whole response has its status', async () => {
    const { client } = await failing(0)
    await expect(client.responses.create(HELLO)).rejects.toMatchObject({ status: 500, code: 'internal_error' })
  })

  test('of the store ends the generation too', async () => {
    const sql = memorySql()
    const full: Sql = {
      exec(query, ...bindings) {
        if (query.startsWith('INSERT')) throw new Error('the disk is full')
        return sql.exec(query, ...bindings)
      },
    }
    const { client } = await responsesClient('Hello there!', full)
    await expect(client.responses.create(HELLO)).rejects.toMatchObject({ status: 500 })
    await expect(client.responses.create({ ...HELLO, stream: true }).then(all)).rejects.toMatchObject({
      code: 'internal_error',
    })
    // Nobody holds the place of the next.
    expect((await client.responses.create({ ...HELLO, store: false })).output_text).toBe('Hello there!')
  })

  test('in a stream is an error, then a failed response', async () => {
    await expect(
      (await failing(3)).client.responses.create({ ...HELLO, stream: true }).then(all),
    ).rejects.toMatchObject({
      code: 'internal_error',
    })
    const { url } = await failing(3)
    const body = JSON.stringify({ ...HELLO, stream: true })
    const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    const [error, failed, done] = (await response.text()).split('\n\n').filter(Boolean).slice(-3)
    expect(error).toMatch(/^event: error\ndata: \{"type":"error","error":\{"message":.*"code":"internal_error"\}/)
    expect(failed).toMatch(/^event: response.failed\ndata: .*"status":"failed".*"error":\{"code":"internal_error"/)
    expect(failed).toContain('"text":"Hell"')
    expect(done).toBe('data: [DONE]')
  })
})
