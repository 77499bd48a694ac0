import type { ChatMessage } from '../../src/chat/messages.ts'
import { readEvents } from '../../test/support/fake-app.ts'
import { BUDGET_HEADER, type EdgeRequest, type Generated } from './edge.ts'

export interface Question {
  readonly messages: readonly ChatMessage[]
  readonly maxTokens: number
  readonly bannedIds: readonly number[]
}

export interface Usage {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly nanbeige: { readonly route: string; readonly edge_tokens: number; readonly origin_tokens: number }
}

/** A stream as its client sees it. */
export interface Streamed {
  /** Of the text, with the time when each came, in ms. */
  readonly pieces: readonly { readonly text: string; readonly at: number }[]
  readonly finish: string | undefined
  readonly usage: Usage | undefined
  /** The last event was [DONE]. */
  readonly done: boolean
  readonly error: string | undefined
}

/** A line of the product's log. */
export interface LogLine {
  readonly event: string
  readonly tokens?: number
  readonly code?: string
}

/** A connection for each request: workerd closes idle ones after 5 s, maybe at the very moment when the next request uses it. */
const CLOSE = { Connection: 'close' }

/** worker.ts behind its URL. */
export class BenchClient {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** The variable ORIGINS from now on, with circuits that never opened. */
  async configure(origins: readonly object[]): Promise<void> {
    await this.#post('/origins', origins)
  }

  /** The log since the last call. */
  async log(): Promise<LogLine[]> {
    return (await this.#post('/log', {})).json()
  }

  /** What the edge answers alone. */
  async edge(request: EdgeRequest): Promise<Generated> {
    return (await this.#post('/edge', request)).json()
  }

  /** Tokens by origin, in order, since `configure`. */
  async originTokens(): Promise<number[]> {
    const response = await fetch(`${this.#url}/healthz`, { headers: CLOSE })
    const { origins } = (await response.json()) as { origins?: { tokens: number }[] }
    return origins?.map(({ tokens }) => tokens) ?? []
  }

  async stream({ messages, maxTokens, bannedIds }: Question, budget: number): Promise<Streamed> {
    const body = {
      messages,
      max_tokens: maxTokens,
      temperature: 0,
      logit_bias: Object.fromEntries(bannedIds.map((id) => [id, -100])),
      stream: true,
      stream_options: { include_usage: true },
    }
    const response = await this.#post('/v1/chat/completions', body, { [BUDGET_HEADER]: `${budget}` })
    const pieces: { text: string; at: number }[] = []
    let [done, finish, usage, error]: [boolean, string?, Usage?, string?] = [false]
    for await (const data of readEvents(response)) {
      done = data === '[DONE]'
      if (done) continue
      const chunk = JSON.parse(data)
      const text = chunk.choices?.[0]?.delta.content
      if (text) pieces.push({ text, at: performance.now() })
      finish ??= chunk.choices?.[0]?.finish_reason ?? undefined
      usage ??= chunk.usage ?? undefined
      error ??= chunk.error?.code
    }
    return { pieces, finish, usage, done, error }
  }

  async #post(path: string, body: object, headers: Record<string, string> = {}): Promise<Response> {
    const response = await fetch(this.#url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...CLOSE, ...headers },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response
  }
}
