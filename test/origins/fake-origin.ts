// An origin of any kind on the loopback interface, whose next token is a function of all ids before it.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { decode } from '../../src/tokenizer/detokenizer.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'

/** Of every token, where logprobs are asked for. */
export const ORIGIN_LOGPROB = -0.25

export interface FakeOriginOptions {
  readonly kind: OriginKind
  readonly model: string
  readonly tokenizer: Tokenizer
  /** The token after these ids. */
  readonly next: (ids: readonly number[]) => number
  /** In place of `next`, for an answer that begins with these ids, as its body asks for it. */
  readonly nextFor?: (body: Record<string, unknown>, ids: readonly number[]) => Promise<FakeOriginOptions['next']>
  readonly eosId: number
  /** Tokens that prompt and answer may have together. */
  readonly contextLength?: number
  /** Awaited before every token; where it rejects, the response is broken off. */
  readonly beforeToken?: () => Promise<void>
  /** SGLang with --incremental-streaming-output. */
  readonly incremental?: boolean
  /** What /tokenize answers, where it is not the tokenizer's own. */
  readonly tokenize?: (text: string, body: Record<string, unknown>) => number[]
  /** Answers in its place where it returns true. `path`: '/tokens' for whatever this kind gives tokens at. */
  readonly instead?: (path: string, body: Record<string, unknown>, response: ServerResponse) => boolean
}

export interface FakeOrigin {
  readonly url: string
  /** Tokens made, whether or not anybody read them. */
  readonly made: number
  readonly bodies: Record<string, unknown>[]
  readonly authorizations: (string | undefined)[]
  stop(): Promise<void>
}

export interface Step {
  readonly ids: number[]
  readonly made: number
  readonly finish: 'stop' | 'length' | undefined
}

const PATHS: Record<OriginKind, string> = {
  vllm: '/v1/completions',
  openai: '/v1/completions',
  sglang: '/generate',
  'llama-server': '/completion',
}

export async function startFakeOrigin(options: FakeOriginOptions): Promise<FakeOrigin> {
  const { kind, model, tokenizer, contextLength = 4096 } = options
  const state = { made: 0, bodies: [] as Record<string, unknown>[], authorizations: [] as (string | undefined)[] }
  const server = createServer(async (request, response) => {
    state.authorizations.push(request.headers.authorization)
    let text = ''
    for await (const chunk of request) text += chunk
    const body = text ? JSON.parse(text) : {}
    const json = (value: object, status = 200) =>
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
    const tokenize = options.tokenize ?? ((probe: string) => tokenizer.encode(probe))
    const isProbe = body.return_logprob === true
    const path = isProbe ? '/tokenize' : request.url === PATHS[kind] ? '/tokens' : request.url!
    if (path === '/tokens') state.bodies.push(body)
    if (options.instead?.(path, body, response)) return
    if (request.url === '/v1/models') return json({ data: [{ id: model, max_model_len: contextLength }] })
    if (request.url === '/tokenize') return json({ tokens: tokenize(body.prompt ?? body.content, body) })
    if (isProbe) {
      return json({ meta_info: { input_token_logprobs: tokenize(body.text, body).map((id) => [null, id, null]) } })
    }
    if (path !== '/tokens') return json({ error: { message: 'not found' } }, 404)
    await answer(options, body, response, state).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}

async function answer(
  options: FakeOriginOptions,
  body: Record<string, unknown>,
  response: ServerResponse,
  state: { made: number },
): Promise<void> {
  const { kind, tokenizer, eosId, beforeToken = setImmediate, contextLength = 4096 } = options
  const sampling = body.sampling_params as { max_new_tokens: number } | undefined
  const max = Number(body.max_tokens ?? body.n_predict ?? sampling?.max_new_tokens)
  const given = (body.input_ids ?? body.prompt) as number[] | string
  const ids = typeof given === 'string' ? tokenizer.encode(given) : [...given]
  const next = options.nextFor ? await options.nextFor(body, ids) : options.next
  let gone = false
  response.on('close', () => {
    gone = true
  })

  const step = async (before: number[]): Promise<Step> => {
    await beforeToken()
    state.made++
    const id = next(ids)
    ids.push(id)
    const made = before.length + 1
    const finish = id === eosId ? 'stop' : made >= max || ids.length >= contextLength ? 'length' : undefined
    return { ids: [...before, id], made, finish }
  }

  if (kind === 'llama-server' && body.stream === false) {
    let whole: Step = { ids: [], made: 0, finish: undefined }
    while (!whole.finish) whole = await step(whole.ids)
    const stopType = whole.finish === 'stop' ? 'eos' : 'limit'
    const reply = { content: '', tokens: whole.ids, stop: true, stop_type: stopType, tokens_predicted: whole.made }
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(reply))
    return
  }

  response.writeHead(200, { 'Content-Type': 'text/event-stream' })
  response.flushHeaders()
  const send = (value: object | string) =>
    response.write(`data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`)
  const dialect = DIALECTS[kind](options, send, body)
  let made: Step = { ids: [], made: 0, finish: undefined }
  while (!made.finish && !gone) {
    made = await step(made.ids)
    dialect(made)
  }
  response.end()
}

export type Send = (value: object | string) => void

/** How the steps of an answer are sent. */
export const DIALECTS: Record<
  OriginKind,
  (options: FakeOriginOptions, send: Send, body: Record<string, unknown>) => (step: Step) => void
> = {
  vllm:
    ({ tokenizer }, send, body) =>
    (step) => {
      const id = step.ids.at(-1)!
      // Asked with ids, nobody may look at the text.
      const text = typeof body.prompt === 'string' ? decode(tokenizer, [id]) : ''
      const token = `token_id:${id}`
      const told = { tokens: [token], token_logprobs: [ORIGIN_LOGPROB], top_logprobs: [{ [token]: ORIGIN_LOGPROB }] }
      const logprobs = body.logprobs === undefined ? null : told
      send({ choices: [{ text, token_ids: [id], finish_reason: step.finish ?? null, logprobs }] })
      if (!step.finish) return
      send({ choices: [], usage: { completion_tokens: step.made } })
      send('[DONE]')
    },

  sglang:
    ({ incremental, eosId }, send) =>
    ({ ids, made, finish }) => {
      const reason = finish && { type: finish, ...(finish === 'stop' && { matched: eosId }) }
      send({
        output_ids: incremental ? ids.slice(-1) : ids,
        meta_info: { completion_tokens: made, finish_reason: reason },
      })
      if (finish) send('[DONE]')
    },

  // Holds text back until its characters are whole, and then gives the last id only.
  'llama-server': ({ tokenizer, eosId }, send) => {
    const decoder = new TextDecoder()
    return ({ ids, made, finish }) => {
      const id = ids.at(-1)!
      const content = decoder.decode(tokenizer.bytes(id), { stream: true })
      if (content !== '' || id === eosId) send({ content, tokens: [id], stop: false, tokens_predicted: made })
      const stopType = finish === 'stop' ? 'eos' : 'limit'
      if (finish) send({ content: '', tokens: [], stop: true, stop_type: stopType, tokens_predicted: made })
    }
  },

  openai: ({ tokenizer }, send) => {
    const decoder = new TextDecoder()
    return ({ ids, made, finish }) => {
      const text = decoder.decode(tokenizer.bytes(ids.at(-1)!), { stream: true })
      send({ choices: [{ text, finish_reason: finish ?? null }] })
      if (!finish) return
      send({ choices: [], usage: { completion_tokens: made } })
      send('[DONE]')
    }
  },
}
