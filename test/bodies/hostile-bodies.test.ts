import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { startServer } from '../support/server.ts'

// Bodies that once did harm, or were taken for what they are not, over a socket to workerd.

const MIB = 1024 * 1024
/** Of the client's text in an error. */
const MAX_ECHO = 200

let server: RunningWorker
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.stop())

async function post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  })
  return {
    status: response.status,
    ...((await response.json()) as { error?: Record<string, string>; choices?: object[] }),
  }
}
const messages = [{ role: 'user', content: 'Hi' }]
const ask = (fields: object) => post(JSON.stringify({ messages, max_tokens: 1, ...fields }))
const list = (item: string, count: number) => `[${Array(count).fill(item).join(',')}]`

describe('a body that is too much is refused', () => {
  const chat = (content: string) => `{"messages":[{"role":"user","content":${content}}]}`
  test.each<[string, () => string]>([
    ['125,000 numbers for messages', () => `{"messages":${list('1', 125_000)}}`],
    ['4 MiB of {} for messages', () => `{"messages":${list('{}', 1_398_000)}}`],
    ['4 MiB of {} for parts', () => chat(list('{}', 1_398_000))],
    ['4 MiB of {} for tools', () => `{"messages":[],"tools":${list('{}', 1_398_000)}}`],
    ['100,000 stop strings', () => `{"messages":[],"stop":${list('"x"', 100_000)}}`],
    ['arrays in arrays', () => `{"messages":${'['.repeat(500_000)}${']'.repeat(500_000)}}`],
    ['objects in objects', () => chat(`${'{"a":'.repeat(200_000)}1${'}'.repeat(200_000)}`)],
    ['arrays that do not end', () => `{"messages":${'['.repeat(MIB)}`],
    ['a field of 1 MiB for a name', () => `{"messages":[{"role":"user","${'k'.repeat(MIB)}":1}]}`],
    ['a role of 1 MiB', () => `{"messages":[{"role":"${'r'.repeat(MIB)}"}]}`],
    ['4 MiB of nothing', () => ' '.repeat(4 * MIB)],
  ])('%s', async (_, make) => {
    const { status, error } = await post(make())
    expect(status).toBe(400)
    expect(error).toMatchObject({ type: 'invalid_request_error', message: expect.any(String) })
    expect(error!.message.length).toBeLessThan(2 * MAX_ECHO)
  })

  test.each([' ', 'x', '😀', 'word ', '<|im_end|>'])('4 MiB of %j for a message', async (piece) => {
    const content = piece.repeat(Math.floor((4 * MIB - 100) / Buffer.byteLength(piece)))
    const { status, error } = await post(chat(JSON.stringify(content)))
    expect(status).toBe(400)
    expect(error).toMatchObject({ code: 'context_length_exceeded', param: 'messages' })
  })

  test('more than 4 MiB', async () => {
    expect(await post(chat(JSON.stringify(' '.repeat(4 * MIB))))).toMatchObject({ status: 413 })
  })
})

describe('an error echoes little of what the client wrote', () => {
  const long = 'm'.repeat(4 * MIB - 1000)
  test.each([
    ['a model', { model: long }, {}],
    ['a role', { messages: [{ role: long, content: '' }] }, {}],
    ['a tool choice', { tool_choice: long }, {}],
    ['a token id', { logit_bias: { [long]: 1 } }, {}],
    ['an effort', { reasoning_effort: long }, {}],
    ['a route', {}, { 'x-nanbeige-route': long.slice(0, 4000) }],
  ])('%s', async (_, fields, headers) => {
    const { status, error } = await post(JSON.stringify({ messages, max_tokens: 1, ...fields }), headers)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect(JSON.stringify(error).split('m'.repeat(MAX_ECHO + 1))).toHaveLength(1)
    expect(JSON.stringify(error).length).toBeLessThan(4 * MAX_ECHO)
  })

  test('a path', async () => {
    const response = await fetch(`${server.url}/v1/${'m'.repeat(4000)}`)
    expect(response.status).toBe(404)
    expect((await response.text()).length).toBeLessThan(4 * MAX_ECHO)
  })
})

test.each([
  ['gzip', () => gzipSync(JSON.stringify({ messages, max_tokens: 1 }))],
  ['br', () => 'never looked at'],
])('a body in the coding %s is refused', async (coding, make) => {
  const answer = await post(make() as string, { 'Content-Encoding': coding })
  expect(answer).toMatchObject({ status: 415, error: { type: 'invalid_request_error' } })
})

test('a body in the coding identity is taken', async () => {
  const body = JSON.stringify({ messages, max_tokens: 1 })
  expect(await post(body, { 'Content-Encoding': 'identity' })).toMatchObject({ status: 200 })
})

describe('a seed is any int64', () => {
  test.each(['-1', '0', '9223372036854775807', '-9223372036854775808'])('%s', async (seed) => {
    expect(await post(`{"messages":${JSON.stringify(messages)},"max_tokens":1,"seed":${seed}}`)).toMatchObject({
      status: 200,
    })
  })

  test.each(['18446744073709551616', '0.5', '"7"'])('%s is none', async (seed) => {
    expect(await post(`{"messages":${JSON.stringify(messages)},"seed":${seed}}`)).toMatchObject({
      status: 400,
      error: { param: 'seed' },
    })
  })

  test('-1 is another one each time', async () => {
    const answers = new Set<string>()
    for (let i = 0; i < 4; i++) {
      const { choices } = await ask({ seed: -1, max_tokens: 12, temperature: 2 })
      answers.add(JSON.stringify(choices))
    }
    expect(answers.size).toBeGreaterThan(1)
  })
})

test.each([
  ['a refusal', [{ role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] }, ...messages]],
  ['a refusal beside content', [{ role: 'assistant', content: null, refusal: 'No.' }, ...messages]],
  ['input text', [{ role: 'user', content: [{ type: 'input_text', text: 'Hi' }] }]],
])('%s that an SDK sends back is taken', async (_, messages) => {
  expect(await ask({ messages })).toMatchObject({ status: 200 })
})

test.each([5, null, [{}], [5], [{ function: null }]])(
  'calls of a user, %j, are no fault of the server',
  async (tool_calls) => {
    const { status } = await ask({ messages: [{ role: 'user', content: 'Hi', tool_calls }] })
    expect([200, 400]).toContain(status)
  },
)

test('null content of a tool is no fault', async () => {
  const call = { id: 'call_1', type: 'function', function: { name: 'a', arguments: '{}' } }
  const called = { role: 'assistant', content: null, tool_calls: [call] }
  const { status } = await ask({
    messages: [...messages, called, { role: 'tool', tool_call_id: 'call_1', content: null }],
  })
  expect(status).toBe(200)
})

describe('what cannot hold the answer is refused by its name', () => {
  test.each(
    Object.entries({
      grammar: 'root ::= "a',
      guided_choice: [],
      guided_json: { not: { enum: [1] } },
      guided_regex: '(',
      ebnf: 'root ::= ((((("a"{1,100}){1,100}){1,100}){1,100}){1,100})',
      json_schema: { if: {} },
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { $ref: 'https://example.com' } } },
      best_of: 2,
      structural_tag: '{}',
      guided_whitespace_pattern: ' ',
      bad_words: ['a'],
      modalities: ['audio'],
    }),
  )('%s', async (param, value) => {
    const { status, error } = await ask({ [param]: value })
    expect(status).toBe(400)
    expect(error).toMatchObject({ param, message: expect.stringContaining(param) })
  })
})
