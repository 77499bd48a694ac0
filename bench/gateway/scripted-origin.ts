// An origin that computes nothing: it says the same words for ever, at intervals that follow from the request's seed, and keeps the
// time of everything it sends. It speaks vLLM's /v1/completions with ids, for the router, and /v1/chat/completions, for the others.
// A process of its own; prints its URL.
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { createRandom } from '../../src/generate/random.ts'
import { decode } from '../../src/tokenizer/detokenizer.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import { smolLm2Tables } from '../../test/support/smollm2-tokenizer-tables.ts'
import { now } from './clock.ts'

/** What a request's times are kept by: a field that every gateway passes on. */
export interface OriginTimes {
  /** When the request had come. */
  readonly asked: number
  /** When each token was sent, or would have been if the answer is sent whole. */
  readonly tokens: readonly number[]
}

interface Body {
  readonly model: string
  readonly prompt?: number[] | string
  readonly max_tokens: number
  readonly seed: number
  readonly stream?: boolean
}

type Chunk = (body: Body, id: number, isFirst: boolean, isLast: boolean) => object

const [mean] = process.argv.slice(2).map(Number)
const CHUNKS: Record<string, Chunk> = { '/v1/completions': completionsChunk, '/v1/chat/completions': chatChunk }

const tokenizer = loadTokenizer(smolLm2Tables()!)
const words = tokenizer.encode(' The river runs down from the hills to the sea, and the boats go with it.')
const times = new Map<number, OriginTimes>()

const server = createServer(async (request, response) => {
  const path = request.url!
  if (path === '/v1/models') return send(response, { data: [{ id: 'scripted', max_model_len: 4096 }] })
  if (path.startsWith('/times/')) {
    const seed = Number(path.slice('/times/'.length))
    send(response, times.get(seed)!)
    return times.delete(seed)
  }
  const body = (await json(request)) as Body
  if (path === '/tokenize') return send(response, { tokens: tokenizer.encode(`${body.prompt}`) })
  const chunk = CHUNKS[path]
  if (!chunk) return response.writeHead(404).end()
  await answer(body, response, chunk)
})
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
// Whoever started it is gone.
process.stdin.on('end', () => process.exit()).resume()

async function answer(body: Body, response: ServerResponse, chunk: Chunk): Promise<void> {
  const kept = { asked: now(), tokens: [] as number[] }
  times.set(body.seed, kept)
  const random = createRandom(body.seed)
  const event = (value: object | string) =>
    response.write(`data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`)
  if (body.stream) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' })
    response.flushHeaders()
  }
  let text = ''
  for (let place = 0; place < body.max_tokens; place++) {
    await setTimeout(mean * (0.5 + random()))
    const id = words[place % words.length]
    const isLast = place + 1 === body.max_tokens
    kept.tokens.push(now())
    if (body.stream) event(chunk(body, id, place === 0, isLast))
    else text += decode(tokenizer, [id])
  }
  if (!body.stream) return send(response, wholeChat(body, text))
  event('[DONE]')
  response.end()
}

function completionsChunk(body: Body, id: number, isFirst: boolean, isLast: boolean) {
  return {
    ...head(body, 'text_completion'),
    choices: [
      {
        index: 0,
        text: decode(tokenizer, [id]),
        logprobs: null,
        finish_reason: isLast ? 'length' : null,
        stop_reason: null,
        token_ids: [id],
        prompt_token_ids: isFirst ? body.prompt : null,
      },
    ],
  }
}

function chatChunk(body: Body, id: number, isFirst: boolean, isLast: boolean) {
  return {
    ...head(body, 'chat.completion.chunk'),
    choices: [
      {
        index: 0,
        delta: { ...(isFirst && { role: 'assistant' }), content: decode(tokenizer, [id]) },
        logprobs: null,
        finish_reason: isLast ? 'length' : null,
      },
    ],
  }
}

function wholeChat(body: Body, content: string) {
  return {
    ...head(body, 'chat.completion'),
    choices: [{ index: 0, message: { role: 'assistant', content }, logprobs: null, finish_reason: 'length' }],
    usage: { prompt_tokens: 1, completion_tokens: body.max_tokens, total_tokens: 1 + body.max_tokens },
  }
}

function head({ model }: Body, object: string) {
  return { id: 'cmpl-0123456789abcdef0123456789abcdef', object, created: 1_767_225_600, model }
}

function send(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}
