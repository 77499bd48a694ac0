import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { Decision } from '../route/policy.ts'
import type { Caller } from './access/caller.ts'
import type { Metrics } from './metrics/metrics.ts'

export type RequestLog = (entry: object) => void

/** What watches a server asks it every few seconds: that is not logged. */
const WATCHED = new Set(['/healthz', '/health', '/metrics'])

type Source = 'edge' | 'origin'

/** What is known of one request, for a line of the log and for the metrics: names, counts and times, and never what is said. */
export class RequestRecord {
  readonly #metrics: Metrics
  readonly #start = Date.now()
  readonly #made = { edge: 0, origin: 0 }
  #answer: { readonly decision: Decision; readonly promptTokens: number } | undefined
  #firstAt: number | undefined
  #lastAt = 0
  /** What has yet to end: the response is to have a status, and an answer may go on behind it. */
  #open = 1
  #ended = () => {}
  /** Why it failed, as the client is told. */
  code: string | null = null

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  get metrics(): Metrics {
    return this.#metrics
  }

  /** An answer has its place; `answerEnded` is called when it has ended. */
  answerBegan(): void {
    this.#open++
    this.#metrics.going++
  }

  /** How it is answered. */
  answerDecided({ route, reason }: Decision, promptTokens: number): void {
    this.#answer = { decision: { route, reason }, promptTokens }
    this.#metrics.answers.add({ route, reason })
    this.#metrics.tokens.add({ source: 'prompt' }, promptTokens)
  }

  made(source: Source, tokens: number): void {
    const now = Date.now()
    if (this.#firstAt === undefined) this.#metrics.firstToken.observe((now - this.#start) / 1000)
    else this.#metrics.betweenTokens.observe((now - this.#lastAt) / 1000)
    this.#firstAt ??= now
    this.#lastAt = now
    this.#made[source] += tokens
    this.#metrics.tokens.add({ source }, tokens)
  }

  answerEnded(code: string | null): void {
    this.code ??= code
    this.#metrics.going--
    this.#close()
  }

  /** The response has a status. `log` gets what is known when all has ended. */
  responded(c: Context, log: RequestLog): void {
    const key = (c.get('caller') as Caller | undefined)?.name ?? 'none'
    // The path as it is written in the API, and not as it was asked for: that may say something.
    const path =
      matchedRoutes(c)
        .find(({ method }) => method !== 'ALL')
        ?.path.replace(/(?<=.)\/$/, '') ?? 'none'
    const { method } = c.req
    const { status } = c.res
    this.#metrics.requests.add({ path: `${method} ${path}`, status: String(status), key })
    this.#ended = () => {
      if (!WATCHED.has(path))
        log({ event: 'request', id: c.get('requestId'), key, method, path, status, ...this.#facts() })
    }
    this.#close()
  }

  #facts() {
    const { decision, promptTokens } = this.#answer ?? {}
    return {
      ...(this.code !== null && { code: this.code }),
      ...(decision && {
        ...decision,
        promptTokens,
        edgeTokens: this.#made.edge,
        originTokens: this.#made.origin,
        firstTokenMs: this.#firstAt === undefined ? null : this.#firstAt - this.#start,
      }),
      ms: Date.now() - this.#start,
    }
  }

  #close(): void {
    if (--this.#open === 0) this.#ended()
  }
}

/** Keeps a record of every request but those that browsers send before. */
export function recordRequests(metrics: Metrics, log: RequestLog): MiddlewareHandler {
  return async (c, next) => {
    const record = new RequestRecord(metrics)
    c.set('record', record)
    await next()
    if (c.req.method !== 'OPTIONS') record.responded(c, log)
  }
}

export function recordOf(c: Context): RequestRecord {
  return c.get('record')
}
