import { createParser } from 'eventsource-parser'

/** What a stream of a chat completion brought. */
export interface StreamedText {
  readonly text: string
  /** Of an error that ended the stream. */
  readonly errorCode: string | undefined
  readonly finish: string | undefined
  readonly completionTokens: number | undefined
}

export interface Question {
  readonly content: string
  readonly max_tokens: number
  readonly temperature?: number
  readonly seed?: number
  readonly response_format?: object
}

export function ask(
  url: string,
  { content, ...params }: Question,
  stream: boolean,
  signal?: AbortSignal,
): Promise<Response> {
  const usage = stream && { stream_options: { include_usage: true } }
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ messages: [{ role: 'user', content }], stream, ...usage, ...params }),
    signal,
  })
}

/** Reads a stream to its end; `onPiece` is called with the number of pieces of text so far. */
export async function streamed(
  url: string,
  question: Question,
  onPiece: (pieces: number) => void | Promise<void> = () => {},
): Promise<StreamedText> {
  const response = await ask(url, question, true)
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  let [text, pieces] = ['', 0]
  let errorCode: string | undefined
  let finish: string | undefined
  let completionTokens: number | undefined
  const parser = createParser({
    onEvent({ data }) {
      if (data === '[DONE]') return
      const { error, choices, usage } = JSON.parse(data)
      const piece = choices?.[0]?.delta.content
      if (piece) {
        text += piece
        pieces++
      }
      errorCode ??= error?.code
      finish ??= choices?.[0]?.finish_reason ?? undefined
      completionTokens ??= usage?.completion_tokens
    },
  })
  const decoder = new TextDecoder()
  for await (const bytes of response.body!) {
    const before = pieces
    parser.feed(decoder.decode(bytes, { stream: true }))
    if (pieces > before) await onPiece(pieces)
  }
  return { text, errorCode, finish, completionTokens }
}
