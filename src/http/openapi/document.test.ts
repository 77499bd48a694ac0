import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { fakeApp, HELLO } from '../../../test/support/fake-app.ts'
import { ASSISTANT_HEADER } from '../../../test/support/fake-model.ts'
import { messagesBody } from '../messages/body.ts'
import { responseBody } from '../responses/body.ts'
import { completionBody } from '../schemas.ts'
import { tokenizeBody } from '../tokenize.ts'
import { openApiDocument } from './document.ts'

const api = openApiDocument('1.2.3') as unknown as {
  paths: Record<
    string,
    Record<
      string,
      {
        requestBody?: { content: Record<string, { schema: object }> }
        responses: Record<string, { content: Record<string, { schema: object }> }>
      }
    >
  >
}
const ajv = new Ajv2020({ strict: false })
const bodyOf = (path: string) => ajv.compile(api.paths[path].post.requestBody!.content['application/json'].schema)

describe('the schema of a body', () => {
  const user = (content: unknown) => ({ role: 'user', content })
  const cases: [string, { safeParse(value: unknown): { success: boolean } }, [string, unknown][]][] = [
    [
      '/v1/chat/completions',
      completionBody,
      [
        ['a chat', { messages: [user('Hi')] }],
        ['parts', { messages: [user([{ type: 'text', text: 'Hi' }])], unknown: 1 }],
        ['no message', { messages: [] }],
        ['a message of nobody', { messages: [{ role: 'nobody', content: 'Hi' }] }],
        ['a user that calls tools', { messages: [{ ...user('Hi'), tool_calls: [{ function: { name: 'f' } }] }] }],
        ['a wrong tool', { messages: [user('Hi')], tools: [{ type: 'web_search' }] }],
        ['a wrong token to stop', { messages: [user('Hi')], stop_token_ids: [-1] }],
        ['too many stop strings', { messages: [user('Hi')], stop: Array(17).fill('x') }],
        ['an empty stop string', { messages: [user('Hi')], stop: [''] }],
        ['no room', { messages: [user('Hi')], max_tokens: 0 }],
      ],
    ],
    [
      '/v1/responses',
      responseBody,
      [
        ['a text', { input: 'Hi' }],
        ['an item', { input: [{ type: 'message', role: 'user', content: 'Hi' }] }],
        ['a wrong item', { input: [{ type: 'image', role: 'user', content: 'Hi' }] }],
        ['a number', { input: 5 }],
      ],
    ],
    [
      '/v1/messages',
      messagesBody,
      [
        ['a text', { model: 'm', max_tokens: 1, messages: [user('Hi')] }],
        [
          'blocks',
          { model: 'm', max_tokens: 1, messages: [user([{ type: 'text', text: 'Hi' }])], system: 'Be brief.' },
        ],
        ['an image', { model: 'm', max_tokens: 1, messages: [user([{ type: 'image' }])] }],
        ['no limit', { model: 'm', messages: [user('Hi')] }],
      ],
    ],
    [
      '/tokenize',
      tokenizeBody,
      [
        ['a prompt', { prompt: 'Hi' }],
        ['a chat', { messages: [user('Hi')] }],
        ['content', { content: 'Hi' }],
        ['nothing', {}],
      ],
    ],
  ]
  it.for(cases)('of %s lets through what the server does', ([path, zod, bodies]) => {
    const validate = bodyOf(path)
    const told = bodies.map(([name, body]) => [name, validate(body)])
    expect(told).toEqual(bodies.map(([name, body]) => [name, zod.safeParse(body).success]))
    expect(new Set(told.map(([, valid]) => valid)).size).toBe(2)
  })
})

/** The places of an app, as `POST /v1/x/{id}`, and those that refuse alone. */
function placesOf(app: ReturnType<typeof fakeApp>): Set<string> {
  const places = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}').replace(/(?<=.)\/$/, '')}`)
  return new Set(places)
}

it('has every place of the server, and no other', () => {
  const told = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(told.sort()).toEqual([...placesOf(fakeApp())].sort())
})

it('tells answers and errors as they are', async () => {
  const app = fakeApp()
  const send = async (at: string, body?: object, status = 200) => {
    const [method, path] = at.split(' ')
    const response = await app.request(path, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    })
    expect(response.status, at).toBe(status)
    const known = Object.keys(api.paths).find((known) =>
      new RegExp(`^${known.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path),
    )!
    const { content } = api.paths[known][method.toLowerCase()].responses[status === 200 ? 200 : 'default']
    const json = await response.json()
    const validate = ajv.compile(content['application/json'].schema)
    expect(validate(json) ? [] : validate.errors, at).toEqual([])
    return json as { id: string }
  }
  const logprobs = { logprobs: true, top_logprobs: 2 }
  await send('POST /v1/chat/completions', { ...HELLO, ...logprobs, n: 2 })
  await send('POST /v1/completions', { prompt: ASSISTANT_HEADER, logprobs: 1 })
  const { id } = await send('POST /v1/responses', { input: 'Hello?' })
  await send(`GET /v1/responses/${id}`)
  await send(`GET /v1/responses/${id}/input_items`)
  await send(`POST /v1/responses/${id}/cancel`, {})
  await send(`DELETE /v1/responses/${id}`)
  await send('POST /v1/responses/input_tokens', { input: 'Hello?' })
  await send('POST /v1/messages', { ...HELLO, max_tokens: 10 })
  await send('POST /v1/messages/count_tokens', HELLO)
  await send('GET /v1/models')
  await send('GET /v1/models/fake-model')
  await send('GET /props')
  await send('POST /tokenize', { prompt: 'Hi', return_token_strs: true })
  await send('POST /v1/tokenize', { content: 'Hi', with_pieces: true })
  await send('POST /detokenize', { tokens: [72] })
  await send('POST /v1/widget-tokens', { site: 'http://localhost:3000' })
  await send('GET /healthz')
  await send('POST /v1/chat/completions', { messages: [] }, 400)
  await send('POST /v1/chat/completions/none/cancel', {}, 404)
  await send('POST /v1/messages', {}, 400)
  await send('GET /v1/responses/none', undefined, 404)
})
