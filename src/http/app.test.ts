import { afterEach, describe, expect, test, vi } from 'vitest'
import { fakeApp, HELLO, post } from '../../test/support/fake-app.ts'
import { FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import { createApp } from './app.ts'
import { HOLD_MS } from './slow-json.ts'

afterEach(() => vi.restoreAllMocks())

const MANY_FIELDS = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`field${index}`, 1]))
const MANY_FIELDS_AND_ONE = { ...MANY_FIELDS, more: 1 }

async function errorOf(response: Response) {
  const { error } = (await response.json()) as {
    error: { message: string; type: string; param: unknown; code: unknown }
  }
  return { status: response.status, ...error }
}

test('the health check neither loads the model nor waits for it', async () => {
  const model = vi.fn(() => new Promise<never>(() => {}))
  const app = createApp({ model, health: () => ({ status: 'ok', model: 'fake-model', loaded: false }) })
  const response = await app.request('/healthz')
  expect(await response.json()).toEqual({ status: 'ok', model: 'fake-model', loaded: false })
  expect(model).not.toHaveBeenCalled()
})

describe('bodies', () => {
  test('that are no JSON', async () => {
    expect(await errorOf(await post(fakeApp(), '{"messages": ['))).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      code: 'invalid_json',
    })
  })

  test('that are not declared JSON', async () => {
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    expect(await errorOf(await post(fakeApp(), JSON.stringify(HELLO), { headers }))).toMatchObject({
      status: 415,
      message: expect.stringContaining('application/json'),
    })
  })

  test('that are compressed', async () => {
    const headers = { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' }
    expect(await errorOf(await post(fakeApp(), JSON.stringify(HELLO), { headers }))).toMatchObject({
      status: 415,
      code: 'unsupported_content_encoding',
    })
  })

  test.each([
    ['125,000 messages that are numbers', `{"messages": [${'1,'.repeat(125_000)}1]}`],
    ['as many messages as may be, all wrong', `{"messages": [${'1,'.repeat(2047)}1]}`],
    ['parts that are no parts', `{"messages": [{"role": "user", "content": [${'1,'.repeat(40_000)}1]}]}`],
    ['4 MB of {}', `{"messages": [${'{},'.repeat(1_390_000)}{}]}`],
    ['a nest of arrays', `{"messages": ${'['.repeat(100_000)}`],
    [
      'a nest in an unknown field',
      `{"messages": [{"role": "user", "content": "Hi"}], "x": ${'[{"a":'.repeat(60)}1${'}]'.repeat(60)}}`,
    ],
    [
      'biases of every number',
      `{"messages": [{"role": "user", "content": "Hi"}], "logit_bias": {${Array.from({ length: 40_000 }, (_, id) => `"${id}x": 1`).join()}}}`,
    ],
    ['what is no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ])('of %s are a 400', async (_, body) => {
    const response = await post(fakeApp(), '', { body })
    expect(response.status).toBe(400)
    expect((await response.text()).length).toBeLessThan(1000)
  })

  test('repeat at most 200 characters of a client’s text', async () => {
    const long = 'x'.repeat(4_000_000)
    const responses = [
      await post(fakeApp(), { ...HELLO, model: long }),
      await post(fakeApp(), { ...HELLO, logit_bias: { [long]: 1 } }),
      await post(fakeApp(), { messages: [{ role: 'user', content: [{ type: long }] }] }),
      await post(fakeApp(), { messages: [{ role: long, content: 'Hi' }] }),
      await post(fakeApp(), HELLO, { headers: { 'Content-Type': 'application/json', 'x-nanbeige-route': long } }),
      await fakeApp().request(`/${long}`),
      await fakeApp().request(`/v1/chat/completions/${long}/events`),
      await fakeApp().request(`/v1/models/${long}`),
    ]
    for (const response of responses) {
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect((await response.text()).match(/x*…?/g)!.every((echoed) => echoed.length <= 200)).toBe(true)
    }
  })

  test('that are too large', async () => {
    const body = JSON.stringify({ ...HELLO, user: 'x'.repeat(5_000_000) })
    expect(await errorOf(await post(fakeApp(), body))).toMatchObject({ status: 413, code: 'body_too_large' })
    const headers = { 'Content-Type': 'application/json', 'Content-Length': `${body.length}` }
    expect(await errorOf(await post(fakeApp(), body, { headers }))).toMatchObject({ status: 413 })
  })

  test.each([
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'wizard', content: 'Hi' }] }, 'messages.0.role'],
    [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
    [{ messages: [{ role: 'user', content: 'Hi', ...MANY_FIELDS }] }, 'messages.0'],
    [{ messages: [{ role: 'assistant', ...MANY_FIELDS }] }, 'messages.0'],
    [{ messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi', ...MANY_FIELDS }] }] }, 'messages.0.content.0'],
    [{ temperature: 'hot' }, 'temperature'],
    [{ temperature: 2.5 }, 'temperature'],
    [{ repetition_penalty: 1e-300 }, 'repetition_penalty'],
    [{ repetition_penalty: 1e300 }, 'repetition_penalty'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ logit_bias: { hello: 1 } }, 'logit_bias.hello'],
    [{ logit_bias: { '01': 1 } }, 'logit_bias.01'],
    [{ logit_bias: { '5000': 1 } }, 'logit_bias'],
    [{ stop: [''] }, 'stop.0'],
    [{ stop: Array(17).fill('x') }, 'stop'],
    [{ logprobs: true, top_logprobs: 21 }, 'top_logprobs'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ n: 0 }, 'n'],
    [{ n: 9 }, 'n'],
    [{ min_tokens: -1 }, 'min_tokens'],
    [{ stop_token_ids: [-1] }, 'stop_token_ids'],
    [{ stop_token_ids: [5000] }, 'stop_token_ids'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tool_choice: 'wish' }, 'tool_choice'],
    [{ chat_template_kwargs: { messages: [] } }, 'chat_template_kwargs.messages'],
    [{ chat_template_kwargs: { add_generation_prompt: false } }, 'chat_template_kwargs.add_generation_prompt'],
    [{ chat_template_kwargs: MANY_FIELDS_AND_ONE }, 'chat_template_kwargs'],
    [{ continue_final_message: true }, 'continue_final_message'],
    [{ response_format: { type: 'structural_tag' } }, 'response_format.type'],
    [{ structured_outputs: { structural_tag: '{}' } }, 'structured_outputs.structural_tag'],
    [{ guided_json: 'no JSON' }, 'guided_json'],
    [{ guided_choice: [] }, 'guided_choice'],
  ])('%j is an invalid value of %s', async (change, param) => {
    expect(await errorOf(await post(fakeApp(), { ...HELLO, ...change }))).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      param,
    })
  })

  test.each([
    { modalities: ['text', 'audio'] },
    { functions: [{ name: 'f' }] },
    { structural_tag: '{}' },
    { guided_whitespace_pattern: ' ' },
    { best_of: 2 },
    { return_token_ids: true },
    { bad_words: ['no'] },
    { allowed_token_ids: [1] },
    { chat_template: '{{ messages }}' },
    { include_stop_str_in_output: true },
    { prompt_logprobs: 1 },
    { mirostat: 2 },
    { xtc_probability: 0.5 },
  ])('%j cannot be honoured', async (change) => {
    expect(await errorOf(await post(fakeApp(), { ...HELLO, ...change }))).toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: Object.keys(change).at(-1),
    })
  })

  test('with null, harmless and unknown fields are welcome', async () => {
    const harmless = {
      n: 1,
      user: 'u',
      store: false,
      metadata: { a: 'b' },
      service_tier: 'auto',
      reasoning_effort: 'low',
      parallel_tool_calls: true,
      tool_choice: 'auto',
      response_format: { type: 'text' },
      stop: null,
      temperature: null,
      top_k: -1,
      seed: 7,
      something_new: [1],
      best_of: 1,
      min_tokens: 0,
      ignore_eos: false,
      stop_token_ids: [],
      chat_template_kwargs: {},
      add_generation_prompt: true,
      skip_special_tokens: true,
    }
    expect((await post(fakeApp(), { ...HELLO, ...harmless })).status).toBe(200)
  })

  test.each([-1, 0, 2 ** 53, -(2 ** 63), 2 ** 63])('with the seed %d', async (seed) => {
    expect((await post(fakeApp(), { ...HELLO, temperature: 1, seed })).status).toBe(200)
  })

  test.each([1.5, 1e19, '7'])('but not with the seed %j', async (seed) => {
    expect(await errorOf(await post(fakeApp(), { ...HELLO, seed }))).toMatchObject({ status: 400, param: 'seed' })
  })

  test('with what the SDKs send back', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }
    const messages = [
      { role: 'user', content: [{ type: 'input_text', text: 'Go.' }] },
      { role: 'assistant', content: null, refusal: null, audio: null, annotations: [], tool_calls: [call] },
      { role: 'tool', tool_call_id: 'call_1', content: null },
      {
        role: 'assistant',
        content: [
          { type: 'output_text', text: 'One.' },
          { type: 'refusal', refusal: 'No.' },
        ],
      },
      { role: 'user', content: 'Why?' },
    ]
    expect((await post(fakeApp(), { messages })).status).toBe(200)
  })

  test('with an image', async () => {
    const content = [{ type: 'image_url', image_url: { url: 'https://example.com/cat.png' } }]
    expect(await errorOf(await post(fakeApp(), { messages: [{ role: 'user', content }] }))).toMatchObject({
      status: 400,
      code: 'unsupported_content',
      param: 'messages.0.content.0',
    })
  })

  test('with too long a prompt', async () => {
    const messages = [{ role: 'user', content: 'x'.repeat(5000) }]
    expect(await errorOf(await post(fakeApp(), { messages, stream: true }))).toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
      message: expect.stringContaining('maximum context length is 4096 tokens'),
    })
  })

  test('that name another model', async () => {
    expect(await errorOf(await post(fakeApp(), { ...HELLO, model: 'gpt-4' }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    })
  })
})

describe('failures of the server', () => {
  test('a model that cannot be loaded is a 503 with the typed reason', async () => {
    const cause = Object.assign(new Error('Shard 3 is missing.'), { code: 'shard_missing' })
    const app = createApp({ model: () => Promise.reject(cause), health: () => ({}) })
    expect(await errorOf(await post(app, HELLO))).toEqual({
      status: 503,
      message: 'Shard 3 is missing.',
      type: 'server_error',
      param: null,
      code: 'shard_missing',
    })
    expect((await app.request('/v1/models')).status).toBe(503)
  })

  test('an untyped reason is logged, not told', async () => {
    const log = vi.spyOn(console, 'error').mockReturnValue()
    const cause = new Error('secret')
    const app = createApp({ model: () => Promise.reject(cause), health: () => ({}) })
    const error = await errorOf(await post(app, HELLO))
    expect(error).toMatchObject({ status: 503, code: 'model_unavailable' })
    expect(error.message).not.toContain('secret')
    expect(log).toHaveBeenCalledWith(cause)
  })

  test('an unexpected error is a 500, logged, not told', async () => {
    const log = vi.spyOn(console, 'error').mockReturnValue()
    const model = new FakeModel('Hi')
    const failure = new Error('secret')
    model.forward = () => Promise.reject(failure)
    const error = await errorOf(await post(fakeApp(fakeChat(model)), HELLO))
    expect(error).toMatchObject({ status: 500, type: 'server_error', code: 'internal_error' })
    expect(error.message).not.toContain('secret')
    expect(log).toHaveBeenCalledWith(failure)
  })

  test('an error soon after the start of a plain answer has its own status', async () => {
    vi.spyOn(console, 'error').mockReturnValue()
    const model = new FakeModel('Hi')
    model.beforeDecode = () => Promise.reject(new Error('secret'))
    expect(await errorOf(await post(fakeApp(fakeChat(model)), HELLO))).toMatchObject({ status: 500 })
  })

  test('a late error in a plain answer is told in its body, which is broken off', async () => {
    const log = vi.spyOn(console, 'error').mockReturnValue()
    const model = new FakeModel('Hi')
    model.beforeDecode = () => new Promise((_, reject) => setTimeout(reject, HOLD_MS + 100, new Error('secret')))
    const response = await post(fakeApp(fakeChat(model)), HELLO)
    expect(response.status).toBe(200)
    const reader = response.body!.getReader()
    const decoder = new TextDecoder()
    let text = ''
    const broken = (async () => {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) return
        text += decoder.decode(value, { stream: true })
      }
    })()
    await expect(broken).rejects.toThrow()
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'server_error', code: 'internal_error' } })
    expect(log).toHaveBeenCalledOnce()
  })
})
