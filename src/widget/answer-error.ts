/** Why there is no answer, or no more of it, in words for the reader. */
export class AnswerError extends Error {
  readonly code: string
  /** Of the response; undefined where there is none, or it had begun well. */
  readonly status: number | undefined
  /** When the server would have it asked again, in ms from now. */
  readonly retryAfterMs: number | undefined
  /** The message is the server's, in a language of its choice. */
  readonly byServer: boolean

  constructor(
    code: string,
    message: string,
    { status, retryAfterMs, byServer = false, cause }: AnswerErrorOptions = {},
  ) {
    super(message, { cause })
    this.name = 'AnswerError'
    this.code = code
    this.status = status
    this.retryAfterMs = retryAfterMs
    this.byServer = byServer
  }
}

interface AnswerErrorOptions extends ErrorOptions {
  readonly status?: number
  readonly retryAfterMs?: number
  readonly byServer?: boolean
}
