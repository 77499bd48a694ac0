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

export interface Outcome {
  readonly end: 'answered' | 'left' | 'refused'
  /** As performance.now() gives it. */
  readonly ended: number
  /** That the client was given. */
  readonly tokens: number
  /** When they came, where they come one by one. */
  readonly times: readonly number[]
}

/** No answer ends by itself: each has the tokens that were asked for. */
const END_OF_TURN = 2

/** @param address on loopback that the client has, since a server may share turns out by address. */
export async function visit(url: string, address: string, visit: Visit): Promise<Outcome> {
  const { words, maxTokens, stream, patience } = visit
  const times: number[] = []
  const outcome = (end: Outcome['end'], tokens = times.length) => ({ end, ended: performance.now(), tokens, times })
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
    if (!stream) return outcome('answered', ((await json(response)) as Completion).usage.completion_tokens)
    await hear(response, times)
    return outcome('answered')
  } catch (error) {
    if (hangUp?.aborted) return outcome('left')
    throw error
  } finally {
    sent.destroy()
  }
}

interface Completion {
  readonly usage: { readonly completion_tokens: number }
}

async function hear(response: IncomingMessage, times: number[]): Promise<void> {
  let end: string | undefined
  const parser = createParser({
    onEvent({ data }) {
      end = data
      if (data !== '[DONE]' && JSON.parse(data).choices?.[0].delta.content) times.push(performance.now())
    },
  })
  for await (const text of response.setEncoding('utf8')) parser.feed(text)
  if (end !== '[DONE]') throw new Error(`a stream ends with ${end}`)
}
