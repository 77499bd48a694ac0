import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { createParser } from 'eventsource-parser'

/** One request of a client, and how long it waits. */
export interface Visit {
  /** Of the prompt. */
  readonly words: number
  readonly maxTokens: number
  readonly stream: boolean
  /** ms after which the client hangs up; undefined: it stays to the end. */
  readonly patience: number | undefined
}

/** What a client heard; times as performance.now() gives them. */
export interface Heard {
  tokens: number
  /** When the first and the latest token came, where they come one by one. */
  firstToken: number | undefined
  latestToken: number | undefined
}

export interface Outcome extends Readonly<Heard> {
  readonly end: 'answered' | 'left' | 'refused'
  readonly ended: number
}

/** No answer ends by itself: each has the tokens that were asked for. */
const END_OF_TURN = 2

/** @param address on loopback that the client has, since a server may share turns out by address. */
export async function visit(url: string, address: string, visit: Visit): Promise<Outcome> {
  const { words, maxTokens, stream, patience } = visit
  const heard: Heard = { tokens: 0, firstToken: undefined, latestToken: undefined }
  const outcome = (end: Outcome['end']): Outcome => ({ ...heard, end, ended: performance.now() })
  const hangUp = patience === undefined ? undefined : AbortSignal.timeout(patience)
  const sent = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    localAddress: address,
    agent: false,
    signal: hangUp,
  })
  const messages = [{ role: 'user', content: 'word '.repeat(words) }]
  sent.end(JSON.stringify({ messages, max_tokens: maxTokens, stream, logit_bias: { [END_OF_TURN]: -100 } }))
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    if (response.statusCode === 429) {
      response.resume()
      return outcome('refused')
    }
    if (response.statusCode !== 200) throw new Error(JSON.stringify(await json(response)))
    if (stream) await hear(response, heard)
    else heard.tokens = ((await json(response)) as { usage: { completion_tokens: number } }).usage.completion_tokens
    return outcome('answered')
  } catch (error) {
    if (hangUp?.aborted) return outcome('left')
    throw error
  } finally {
    sent.destroy()
  }
}

async function hear(response: IncomingMessage, heard: Heard): Promise<void> {
  let end: string | undefined
  const parser = createParser({
    onEvent({ data }) {
      end = data
      if (data === '[DONE]' || !JSON.parse(data).choices?.[0].delta.content) return
      heard.tokens++
      heard.latestToken = performance.now()
      heard.firstToken ??= heard.latestToken
    },
  })
  for await (const text of response.setEncoding('utf8')) parser.feed(text)
  if (end !== '[DONE]') throw new Error(`a stream ends with ${end}`)
}
