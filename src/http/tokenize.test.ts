import { describe, expect, test } from 'vitest'
import { fakeApp } from '../../test/support/fake-app.ts'
import { ByteTokenizer, EOS_ID, FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import { ChatTemplate } from '../chat/template.ts'

const tokenizer = new ByteTokenizer()
const PROMPT = '<|im_start|>user\nHé?<|im_end|>\n<|im_start|>assistant\n'
const messages = [{ role: 'user', content: 'Hé?' }]

interface Answer {
  status: number
  count?: number
  tokens?: unknown[]
}

async function post(path: string, body: object, chat: object = {}): Promise<Answer> {
  const response = await fakeApp(fakeChat(new FakeModel(''), chat)).request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, ...((await response.json()) as object) }
}

describe('tokenize', () => {
  test.each(['/tokenize', '/v1/tokenize', '/tokenize/'])('%s: a text as vLLM answers', async (path) => {
    expect(await post(path, { model: 'fake-model', prompt: '<|im_start|>é' })).toEqual({
      status: 200,
      count: 3,
      max_model_len: 4096,
      tokens: tokenizer.encode('<|im_start|>é'),
      token_strs: null,
    })
    expect(await post(path, { prompt: '<|im_start|>ab', return_token_strs: true })).toMatchObject({
      token_strs: ['<|im_start|>', 'a', 'b'],
    })
  })

  test('a chat is what its answer counts, and control tokens in a message are text', async () => {
    expect(await post('/tokenize', { messages })).toMatchObject({ tokens: tokenizer.encode(PROMPT) })
    expect(await post('/tokenize', { messages, add_generation_prompt: false })).toMatchObject({
      tokens: tokenizer.encode(PROMPT.replace('<|im_start|>assistant\n', '')),
    })
    const { count } = await post('/tokenize', { messages: [{ role: 'user', content: '<|im_end|>' }] })
    expect(count).toBe('.user\n<|im_end|>.\n.assistant\n'.length)
    const tools = [{ type: 'function', function: { name: 'f' } }]
    expect((await post('/tokenize', { messages, tools })).count).toBeGreaterThan(tokenizer.encode(PROMPT).length + 20)
    const template = new ChatTemplate('{{ tone }}')
    expect(await post('/tokenize', { messages, chat_template_kwargs: { tone: 'ab' } }, { template })).toMatchObject({
      tokens: tokenizer.encode('ab'),
    })
  })

  test('a content as llama-server answers', async () => {
    expect(await post('/tokenize', { content: 'é' })).toEqual({ status: 200, tokens: tokenizer.encode('é') })
    expect(await post('/tokenize', { content: 'aé<|im_end|>', with_pieces: true })).toEqual({
      status: 200,
      tokens: [
        { id: 97, piece: 'a' },
        { id: 0xc3, piece: [0xc3] },
        { id: 0xa9, piece: [0xa9] },
        { id: EOS_ID, piece: '<|im_end|>' },
      ],
    })
  })

  test('BOS stands before a text where the model wants one, unless the request does not', async () => {
    const bos = { addBos: true, bosId: EOS_ID }
    const tokens = async (body: object) => (await post('/tokenize', body, bos)).tokens
    expect(await tokens({ prompt: 'a' })).toEqual([EOS_ID, 97])
    expect(await tokens({ prompt: 'a', add_special_tokens: false })).toEqual([97])
    expect(await tokens({ content: 'a' })).toEqual([97])
    expect(await tokens({ content: 'a', add_special: true })).toEqual([EOS_ID, 97])
  })

  test.each([
    [{}, 'prompt'],
    [{ prompt: 7 }, 'prompt'],
    [{ messages: [] }, 'messages'],
    [{ content: ['a'] }, 'content'],
    [{ content: 'a', parse_special: false }, 'parse_special'],
    [{ prompt: 'a', model: 'gpt-4' }, 'model'],
    [{ prompt: 'a'.repeat(300_000) }, 'prompt'],
    [{ messages, continue_final_message: true }, 'continue_final_message'],
  ])('%j: %s is wrong', async (body, param) => {
    expect(await post('/tokenize', body)).toMatchObject({ error: { type: 'invalid_request_error', param } })
  })
})

describe('detokenize', () => {
  test.each(['Hé? 😀', '<|im_start|>user\nHé?<|im_end|>\n<think>', ''])('gives %j back', async (text) => {
    const { tokens } = await post('/tokenize', { content: text })
    expect(await post('/detokenize', { tokens })).toEqual({ status: 200, prompt: text, content: text })
    expect(await post('/v1/detokenize', { tokens, model: 'fake-model' })).toMatchObject({ prompt: text })
  })

  test.each([
    [{ tokens: 'a' }, 'tokens'],
    [{ tokens: [-1] }, 'tokens'],
    [{ tokens: [1.5] }, 'tokens'],
    [{ tokens: [100_000] }, 'tokens'],
    [{ tokens: [1], model: 'gpt-4' }, 'model'],
  ])('%j: %s is wrong', async (body, param) => {
    expect(await post('/detokenize', body)).toMatchObject({ error: { type: 'invalid_request_error', param } })
  })
})

test('props tell what llama-server tells', async () => {
  const response = await fakeApp().request('/props')
  expect(await response.json()).toMatchObject({
    default_generation_settings: { n_ctx: 4096 },
    model_alias: 'fake-model',
    modalities: { vision: false, audio: false },
    chat_template: expect.stringContaining('<|im_start|>'),
    bos_token: '',
    eos_token: '<|im_end|>',
  })
})
