import type { ResponseStreamEvent } from 'openai/resources/responses/responses'
import { describe, expect, test } from 'vitest'
import { all, responsesClient } from '../../../test/support/responses-client.ts'

const HELLO = { model: 'fake-model', input: 'Hello?' }

describe('a conversation', () => {
  test('goes on from any of its responses, without the instructions of before', async () => {
    const { client } = await responsesClient((prompt) => prompt.replaceAll('\n', '|').replace(/\|*assistant\|$/, ''))
    const first = await client.responses.create({ ...HELLO, input: 'A', instructions: 'Shout.' })
    expect(first.output_text).toBe('system|Shout.|user|A')
    const second = await client.responses.create({ ...HELLO, input: 'B', previous_response_id: first.id })
    expect(second.output_text).toBe('user|A|assistant|system|Shout.|user|A|user|B')
    const branch = await client.responses.create({ ...HELLO, input: 'C', previous_response_id: first.id })
    expect(branch.output_text).toBe('user|A|assistant|system|Shout.|user|A|user|C')
    const third = await client.responses.create({ ...HELLO, input: 'D', previous_response_id: second.id })
    expect(third.output_text).toBe(`${second.output_text}|assistant|${second.output_text}|user|D`)
  })

  test('by references to items', async () => {
    const { client } = await responsesClient((prompt) => (prompt.includes('Second') ? prompt : 'First answer.'))
    const { output, id } = await client.responses.create({ ...HELLO, input: 'First' })
    const [{ id: question }] = (await client.responses.inputItems.list(id)).data
    const references = [question, output[0].id].map((id) => ({ type: 'item_reference' as const, id: id! }))
    const answer = await client.responses.create({
      ...HELLO,
      input: [...references, { role: 'user', content: 'Second' }],
    })
    expect(answer.output_text).toBe('user\nFirst\nassistant\nFirst answer.\nuser\nSecond\nassistant\n')
    await expect(
      client.responses.create({ ...HELLO, input: [{ type: 'item_reference', id: 'msg_0' }] }),
    ).rejects.toMatchObject({ status: 404, code: 'item_not_found', param: 'input.0.id' })
  })

  test.each([
    ['unknown', 'resp_0', 'previous_response_not_found'],
    ['deleted', undefined, 'previous_response_not_found'],
  ])('from a response that is %s is refused', async (_, id, code) => {
    const { client } = await responsesClient('Hi')
    const previous = id ?? (await client.responses.create(HELLO)).id
    if (!id) await client.responses.delete(previous)
    await expect(client.responses.create({ ...HELLO, previous_response_id: previous })).rejects.toMatchObject({
      status: 400,
      code,
      param: 'previous_response_id',
    })
  })
})

test('the tokens of a prompt are counted, and nothing is made of it', async () => {
  const { client, model } = await responsesClient('Hi')
  const { id } = await client.responses.create({ ...HELLO, instructions: 'Be brief.' })
  const next = { model: 'fake-model', input: 'And?', previous_response_id: id, instructions: 'Shout.' }
  const counted = await client.responses.inputTokens.count(next)
  const { sequences } = model
  expect(counted).toEqual({
    object: 'response.input_tokens',
    input_tokens: (await client.responses.create(next)).usage!.input_tokens,
  })
  expect(model.sequences).toBe(sequences + 1)
})

describe('a stored response', () => {
  test('is read, and deleted once', async () => {
    const { client } = await responsesClient('Hi')
    const { id, output } = await client.responses.create(HELLO)
    expect(await client.responses.retrieve(id)).toMatchObject({ id, status: 'completed', output })
    await client.responses.delete(id)
    for (const call of [() => client.responses.retrieve(id), () => client.responses.delete(id)]) {
      await expect(call()).rejects.toMatchObject({ status: 404, code: 'response_not_found' })
    }
  })

  test('is not there with store: false', async () => {
    const { client } = await responsesClient('Hi')
    const { id, store } = (await client.responses.create({ ...HELLO, store: false })) as never as {
      id: string
      store: boolean
    }
    expect(store).toBe(false)
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 })
  })

  test('tells its stream again, from any event on', async () => {
    const { client } = await responsesClient('<think>Hm.</think>Hello there!')
    const events = await all(await client.responses.create({ ...HELLO, stream: true }))
    const { id } = (events[0] as Extract<ResponseStreamEvent, { type: 'response.created' }>).response
    expect(await all(await client.responses.retrieve(id, { stream: true }))).toEqual(events)
    const rest = await client.responses.retrieve(id, { stream: true, starting_after: 20 })
    expect(await all(rest)).toEqual(events.slice(21))
    await expect(client.responses.retrieve(id, { stream: true, starting_after: 1000 })).rejects.toMatchObject({
      status: 400,
      code: 'invalid_event_id',
    })
  })

  test('tells what was asked, page by page', async () => {
    const { client } = await responsesClient('Hi')
    const input = ['A', 'B', 'C'].map((content) => ({ role: 'user' as const, content }))
    const { id } = await client.responses.create({ ...HELLO, input })
    const items = await all(client.responses.inputItems.list(id, { order: 'asc', limit: 2 }))
    expect(items.map((item) => (item as never as { content: { text: string }[] }).content[0].text)).toEqual([
      'A',
      'B',
      'C',
    ])
    const [last] = (await client.responses.inputItems.list(id)).data
    expect(last).toMatchObject({
      type: 'message',
      role: 'user',
      status: 'completed',
      content: [{ type: 'input_text', text: 'C' }],
    })
    await expect(client.responses.inputItems.list(id, { after: 'msg_9' })).rejects.toMatchObject({ param: 'after' })
  })
})
