import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { createParser } from 'eventsource-parser'

export interface Message {
  readonly role: string
  readonly content: string
}

export interface Asked {
  readonly messages: readonly Message[]
  readonly max_tokens: number
  readonly temperature?: number
  readonly seed?: number
}

export interface Who {
  readonly key: string
  /** Of a loopback interface: whose places in the queue are shared out fairly. */
  readonly address?: string
  readonly signal?: AbortSignal
  /** Called with the number of tokens so far. */
  readonly onToken?: (tokens: number) => void
}

export interface Heard {
  readonly status: number
  readonly text: string
  /** ms from the request to each token. */
  readonly times: readonly number[]
  readonly cachedTokens: number
  readonly promptTokens: number
  /** It came to its [DONE]. */
  readonly whole: boolean
  /** The code of an error, in a stream or instead of it. */
  readonly error?: string
  readonly retryAfter?: number
}

/** No answer ends by itself: each has the tokens that were asked for. */
const END_OF_TURN = 2

/** A streamed chat completion on a socket of its own. Rejects where the signal aborts or the connection breaks. */
export async function ask(
  url: string,
  body: Asked,
  { key, address = '127.0.0.1', signal, onToken }: Who,
): Promise<Heard> {
  const start = performance.now()
  const sent = request(`${url.replace('localhost', '127.0.0.1')}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    ...{ localAddress: address, agent: false, signal },
  })
  const stream = { stream: true, stream_options: { include_usage: true }, logit_bias: { [END_OF_TURN]: -100 } }
  sent.end(JSON.stringify({ temperature: 0, ...body, ...stream }))
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const heard = { status: response.statusCode!, text: '', times: [] as number[], cachedTokens: 0, promptTokens: 0 }
    if (response.statusCode !== 200) {
      const { error } = (await json(response)) as { error: { code: string } }
      return { ...heard, whole: false, error: error.code, retryAfter: Number(response.headers['retry-after']) }
    }
    let [whole, code] = [false, undefined as string | undefined]
    const parser = createParser({
      onEvent({ data }) {
        if (data === '[DONE]') {
          whole = true
          return
        }
        const { error, choices, usage } = JSON.parse(data)
        code ??= error?.code
        heard.cachedTokens ||= usage?.prompt_tokens_details.cached_tokens ?? 0
        heard.promptTokens ||= usage?.prompt_tokens ?? 0
        const content = choices?.[0]?.delta.content
        if (!content) return
        heard.text += content
        heard.times.push(performance.now() - start)
        onToken?.(heard.times.length)
      },
    })
    for await (const text of response.setEncoding('utf8')) parser.feed(text)
    return { ...heard, whole, error: code }
  } finally {
    sent.destroy()
  }
}
