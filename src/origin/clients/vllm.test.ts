import { describe, expect, test } from 'vitest'
import { collect, configs, requestOf } from '../../../test/origins/collect.ts'
import { tokenizer } from '../../../test/origins/letters-model.ts'
import { openOrigins } from '../origins.ts'

/** A vLLM that sends these events; its bodies are kept. */
async function scripted(events: (object | string)[]) {
  const bodies: Record<string, unknown>[] = []
  const fetch = async (url: string, { body }: RequestInit) => {
    const request = body ? JSON.parse(`${body}`) : {}
    if (url.endsWith('/v1/models')) return Response.json({ data: [{ id: 'letters' }] })
    if (url.endsWith('/tokenize')) return Response.json({ tokens: tokenizer.encode(request.prompt) })
    bodies.push(request)
    const text = events
      .map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)
      .join('')
    return new Response(text, { headers: { 'Content-Type': 'text/event-stream; charset=utf-8' } })
  }
  const origins = await openOrigins(configs({ url: 'https://gpu.example.com' }), { tokenizer, log: () => {}, fetch })
  return { bodies, origins }
}

const choice = (fields: object) => ({ choices: [{ text: '', index: 0, ...fields }] })

describe('vllm', () => {
  test('takes ids and never the text, of which a chunk may repeat the whole prompt', async () => {
    const { origins } = await scripted([
      choice({ text: 'a', token_ids: [97], prompt_token_ids: [1, 2, 3] }),
      choice({ text: 'the whole prompt', token_ids: [98, 99] }),
      choice({ text: '', token_ids: [], finish_reason: null }),
      choice({ text: 'd', token_ids: [100], finish_reason: 'length' }),
      { choices: [], usage: { prompt_tokens: 3, completion_tokens: 4 } },
      '[DONE]',
    ])
    const got = await collect(origins.continueAtOrigin(requestOf()))
    expect([got.ids, got.text, got.end]).toEqual([[97, 98, 99, 100], '', 'length'])
  })

  test('ends at EOS, whether its id comes or not', async () => {
    for (const token_ids of [[257], []]) {
      const { origins } = await scripted([
        choice({ token_ids: [97] }),
        choice({ token_ids, finish_reason: 'stop' }),
        '[DONE]',
      ])
      const got = await collect(origins.continueAtOrigin(requestOf()))
      expect([got.ids, got.end]).toEqual([[97], 'eos'])
    }
  })

  test('asks for exactly the sampling of the request', async () => {
    const { origins, bodies } = await scripted([choice({ token_ids: [97], finish_reason: 'length' })])
    const sampling = {
      ...requestOf().sampling,
      temperature: 0.6,
      topP: 0.95,
      logitBias: new Map([[5, -1]]),
      seed: 2 ** 31,
    }
    await collect(origins.continueAtOrigin(requestOf({ sampling, bannedIds: [258], maxTokens: 7 })))
    expect(bodies).toEqual([
      {
        model: 'letters',
        prompt: requestOf().history.ids(),
        max_tokens: 7,
        temperature: 0.6,
        top_p: 0.95,
        top_k: -1,
        min_p: 0,
        repetition_penalty: 1,
        presence_penalty: 0,
        frequency_penalty: 0,
        logit_bias: { 5: -1, 258: -100 },
        seed: 0,
        stream: true,
        return_token_ids: true,
        skip_special_tokens: false,
        spaces_between_special_tokens: false,
      },
    ])
  })

  test('reads logprobs by id, as many as were asked for', async () => {
    const { origins, bodies } = await scripted([
      choice({
        token_ids: [97, 98],
        finish_reason: 'length',
        logprobs: {
          tokens: ['token_id:97', 'token_id:98'],
          token_logprobs: [-2, -0.5],
          top_logprobs: [
            { 'token_id:97': -2, 'token_id:99': -0.25, 'token_id:100': -1 },
            { 'token_id:98': -0.5, 'token_id:1': -1 },
          ],
        },
      }),
    ])
    const { tokens } = await collect(origins.continueAtOrigin(requestOf({ topLogprobs: 2 })))
    expect(bodies[0]).toMatchObject({ logprobs: 2, return_tokens_as_token_ids: true })
    expect(tokens).toMatchObject([
      {
        id: 97,
        logprobs: {
          logprob: -2,
          top: [
            { id: 99, logprob: -0.25 },
            { id: 100, logprob: -1 },
          ],
        },
      },
      {
        id: 98,
        logprobs: {
          logprob: -0.5,
          top: [
            { id: 98, logprob: -0.5 },
            { id: 1, logprob: -1 },
          ],
        },
      },
    ])
  })

  test.each([
    ['texts', { ' a': -1 }],
    ['an id that is none', { 'token_id:5000': -1 }],
    ['an id below zero', { 'token_id:-1': -1 }],
    ['a vocabulary of texts', Object.fromEntries(Array.from({ length: 150_000 }, (_, id) => [`t${id}`, -id]))],
    ['a logprob that is none', { 'token_id:98': 'low' }],
  ])('has no logprobs of %s', async (_, top) => {
    const logprobs = { tokens: ['token_id:97'], token_logprobs: [-2], top_logprobs: [top] }
    const { origins } = await scripted([choice({ token_ids: [97], logprobs })])
    const { tokens, end } = await collect(origins.continueAtOrigin(requestOf({ topLogprobs: 1 })))
    expect([tokens, end]).toEqual([[], ['garbage', 'garbage']])
  })

  test('looks at no more alternatives than were asked for', async () => {
    const top = Object.fromEntries(Array.from({ length: 200 }, (_, id) => [`token_id:${id}`, -id]))
    const logprobs = { tokens: ['token_id:97'], token_logprobs: [null], top_logprobs: [top] }
    const { origins } = await scripted([choice({ token_ids: [97], logprobs, finish_reason: 'length' })])
    const { tokens } = await collect(origins.continueAtOrigin(requestOf({ topLogprobs: 2 })))
    expect(tokens).toMatchObject([{ logprobs: { logprob: Number.NEGATIVE_INFINITY, top: [{ id: 0 }, { id: 1 }] } }])
  })

  test.each<[string, object | string, string]>([
    ['an error event', { error: { message: 'out of memory', code: 500 } }, 'server_error'],
    ['an aborted answer', choice({ token_ids: [], finish_reason: 'abort' }), 'server_error'],
    ['no ids', choice({ text: 'a' }), 'ids_lost'],
    ['an id that is none', choice({ token_ids: [5000] }), 'garbage'],
    ['an id below zero', choice({ token_ids: [-1] }), 'garbage'],
    ['an id that is no whole number', choice({ token_ids: [1.5] }), 'garbage'],
    ['ids in another shape', choice({ token_ids: '97' }), 'garbage'],
    ['null', 'null', 'garbage'],
    ['another shape', { delta: 'a' }, 'garbage'],
    ['no JSON', '<html>', 'garbage'],
    ['an end too early', '[DONE]', 'stream_cut'],
  ])('%s', async (_, event, code) => {
    const { origins } = await scripted([event])
    expect((await collect(origins.continueAtOrigin(requestOf()))).end).toEqual([code, code])
  })
})
