import { describe, expect, test } from 'vitest'
import { fakeApp, HELLO, post } from '../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../test/support/fake-model.ts'

async function errorOf(response: Response) {
  const { error } = (await response.json()) as {
    error: { message: string; type: string; param: unknown; code: unknown }
  }
  return { status: response.status, ...error }
}

describe('models', () => {
  const model = {
    id: 'fake-model',
    object: 'model',
    created: 1_700_000_000,
    owned_by: 'nanbeige-edge',
    root: 'fake-model',
    parent: null,
    max_model_len: 4096,
    capabilities: {
      completion_chat: true,
      completion: true,
      function_calling: true,
      reasoning: true,
      structured_output: true,
      vision: false,
    },
  }

  test('the list', async () => {
    expect(await (await fakeApp().request('/v1/models')).json()).toEqual({ object: 'list', data: [model] })
  })

  test('one by id, slashes and all', async () => {
    expect(await (await fakeApp().request('/v1/models/fake-model')).json()).toEqual(model)
    const app = fakeApp(fakeChat(new FakeModel(''), { id: 'org/model' }))
    expect(await (await app.request('/v1/models/org/model')).json()).toMatchObject({ id: 'org/model' })
    expect(await (await app.request('/v1/models/org%2Fmodel')).json()).toMatchObject({ id: 'org/model' })
  })

  test('an unknown id', async () => {
    expect(await errorOf(await fakeApp().request('/v1/models/gpt-4'))).toMatchObject({
      status: 404,
      code: 'model_not_found',
      message: expect.stringContaining("'fake-model'"),
    })
  })
})

describe('routes', () => {
  test('an unknown one is a 404 in the form of the API', async () => {
    expect(await errorOf(await fakeApp().request('/v1/nothing', { method: 'POST' }))).toEqual({
      status: 404,
      message: 'There is nothing at POST /v1/nothing.',
      type: 'invalid_request_error',
      param: null,
      code: 'unknown_url',
    })
  })

  test.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['POST', '/v1/models', 'GET'],
    ['DELETE', '/v1/models/fake-model', 'GET'],
    ['PUT', '/healthz', 'GET'],
    ['GET', '/v1/responses', 'POST'],
    ['PUT', '/v1/responses/resp_1', 'GET, DELETE'],
    ['GET', '/v1/responses/resp_1/cancel', 'POST'],
    ['POST', '/v1/responses/resp_1/input_items', 'GET'],
    ['GET', '/v1/responses/input_tokens', 'POST'],
    ['POST', '/health', 'GET'],
    ['POST', '/props', 'GET'],
    ['GET', '/v1/completions', 'POST'],
    ['GET', '/tokenize', 'POST'],
    ['GET', '/v1/detokenize', 'POST'],
    ['GET', '/v1/chat/completions/', 'POST'],
  ])('%s %s is a 405 that allows %s', async (method, path, allowed) => {
    const response = await fakeApp().request(path, { method })
    expect(response.headers.get('Allow')).toBe(allowed)
    expect(await errorOf(response)).toMatchObject({ status: 405, code: 'method_not_allowed' })
  })
})

describe('what is not here', () => {
  test.each([
    ['/v1/embeddings', 'embeddings'],
    ['/v1/audio/speech', 'speaks'],
    ['/v1/images/generations/', 'images'],
    ['/v1/fine_tuning/jobs/x', 'train'],
    ['/v1/rerank', 'ranks'],
  ])('%s is refused by name', async (path, word) => {
    expect(await errorOf(await fakeApp().request(path, { method: 'POST' }))).toMatchObject({
      status: 404,
      code: 'unsupported_endpoint',
      message: expect.stringContaining(word),
    })
  })
})

describe('what may differ in how a request is written', () => {
  test('a slash behind a path', async () => {
    const app = fakeApp()
    for (const path of ['/v1/models/', '/healthz/', '/health/', '/props/']) {
      expect((await app.request(path)).status).toBe(200)
    }
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(HELLO) }
    expect((await app.request('/v1/chat/completions/', init)).status).toBe(200)
  })

  test('the case of a model', async () => {
    const response = await post(fakeApp(), { ...HELLO, model: 'Fake-Model:EDGE' })
    expect(await response.json()).toMatchObject({ model: 'fake-model' })
    expect((await fakeApp().request('/v1/models/FAKE-MODEL')).status).toBe(200)
  })
})

describe('the id of a request', () => {
  test("is the client's, or one of ours, on answers, streams and errors", async () => {
    const headers = { 'Content-Type': 'application/json', 'X-Request-Id': 'mine-7' }
    const app = fakeApp()
    for (const body of [HELLO, { ...HELLO, stream: true }, { ...HELLO, messages: [] }]) {
      expect((await post(app, body, { headers })).headers.get('X-Request-Id')).toBe('mine-7')
      expect((await post(app, body)).headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/)
    }
    expect((await app.request('/nowhere', { headers })).headers.get('X-Request-Id')).toBe('mine-7')
  })
})

describe('CORS', () => {
  const origin = { Origin: 'http://localhost:3000' }

  test('preflight', async () => {
    const response = await fakeApp().request('/v1/chat/completions', {
      method: 'OPTIONS',
      headers: {
        ...origin,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'content-type,authorization',
      },
    })
    expect(response.status).toBe(204)
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe(origin.Origin)
    expect(response.headers.get('Access-Control-Allow-Methods')).toBe('GET,POST,DELETE')
    expect(response.headers.get('Access-Control-Allow-Headers')).toBe('content-type,authorization')
  })

  test('answers, streams and errors can be read by sites that may ask', async () => {
    const ask = (body: object) => post(fakeApp(), body, { headers: { 'Content-Type': 'application/json', ...origin } })
    const responses = [
      await ask(HELLO),
      await ask({ ...HELLO, stream: true }),
      await ask({ ...HELLO, messages: [] }),
      await ask({ ...HELLO, model: 'gpt-4' }),
      await fakeApp().request('/nowhere', { headers: origin }),
    ]
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 400, 404, 404])
    for (const { headers } of responses) expect(headers.get('Access-Control-Allow-Origin')).toBe(origin.Origin)
  })
})
