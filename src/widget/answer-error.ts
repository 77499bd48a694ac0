/** Why there is no answer, or no more of it, in words for the reader. */
export class AnswerError extends Error {
  readonly code: string
  /** Of the response; undefined where there is none, or it had begun well. */
  readonly status: number | undefined
  /** When the server would have it asked again, in ms from now. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: string,
    message: string,
    { status, retryAfterMs, cause }: { status?: number; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.name = 'AnswerError'
    this.code = code
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}
