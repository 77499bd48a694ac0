import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'
import { now } from './clock.ts'
import type { Gateway } from './gateways.ts'

export interface Question {
  readonly stream: boolean
  readonly maxTokens: number
  readonly seed: number
}

/** When a request was sent, when each piece of its answer came (the whole answer is one), and its end. */
export interface ClientTimes {
  readonly sent: number
  readonly pieces: readonly number[]
  readonly end: number
}

const PROMPT = `Below is the beginning of a story. Go on with it, in the same voice, and let the two brothers find what they are
looking for only at the very end.

The mill had stood still since the spring, when the water went another way. Every morning the elder brother walked up the dry bed of
the stream to see whether it had come back, and every evening the younger one asked him what he had found. "Stones," he said, and
put one more of them on the sill.`

/** Connections are kept, as any client of a gateway does. */
const agent = new Agent({ keepAlive: true })

export async function ask(
  { url, model, headers }: Gateway,
  { stream, maxTokens, seed }: Question,
): Promise<ClientTimes> {
  const messages = [{ role: 'user', content: PROMPT }]
  const body = JSON.stringify({ model, messages, temperature: 0, max_tokens: maxTokens, seed, stream })
  const request = httpRequest(`${url}/v1/chat/completions`, {
    method: 'POST',
    agent,
    headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers },
  })
  const sent = now()
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const { pieces, text } = stream ? await readStream(response) : await readWhole(response)
  if (response.statusCode !== 200) throw new Error(`${url} answers ${response.statusCode}: ${text}`)
  return { sent, pieces, end: now() }
}

/** Several events may come in one chunk of bytes. */
async function readStream(response: IncomingMessage) {
  const pieces: number[] = []
  let text = ''
  let at = 0
  const parser = createParser({
    onEvent({ data }) {
      if (data !== '[DONE]' && JSON.parse(data).choices[0]?.delta.content) pieces.push(at)
    },
  })
  response.setEncoding('utf8')
  for await (const chunk of response) {
    at = now()
    if (response.statusCode !== 200) text += chunk
    else parser.feed(chunk)
  }
  return { pieces, text }
}

async function readWhole(response: IncomingMessage) {
  let text = ''
  response.setEncoding('utf8')
  for await (const chunk of response) text += chunk
  return { pieces: [now()], text }
}
