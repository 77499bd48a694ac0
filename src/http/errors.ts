import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { ChatRequestError } from '../chat/errors.ts'
import { echo } from '../echo.ts'
import { QueueFullError } from '../generate/queue.ts'
import { GrammarError, GrammarMemoryError } from '../grammar/grammar-error.ts'
import { LEASE_MS } from '../pipeline/layers-stage.ts'
import { PipelineError } from '../pipeline/pipeline-error.ts'
import { OriginsFailedError } from '../route/errors.ts'
import { RouteWishError } from '../route/wish.ts'
import { AccessConfigError } from './access/config-error.ts'
import { recordOf } from './request-record.ts'

/** An answer in OpenAI's error form. */
export class ApiError extends Error {
  readonly status: ContentfulStatusCode
  readonly code: string | null
  readonly param: string | null
  readonly headers: Record<string, string>

  constructor(
    status: ContentfulStatusCode,
    code: string | null,
    message: string,
    {
      param = null,
      headers = {},
      cause,
    }: { param?: string | null; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.param = param
    this.headers = headers
  }

  get type(): string {
    if (this.status === 429) return 'rate_limit_error'
    return this.status >= 500 ? 'server_error' : 'invalid_request_error'
  }

  get body() {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } }
  }
}

/** The model could not be loaded. `code` and message are the cause's own where it is a typed error. */
export function modelUnavailable(cause: unknown): ApiError {
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') {
    return new ApiError(503, cause.code, cause.message, { cause })
  }
  console.error(cause)
  return new ApiError(503, 'model_unavailable', 'The model could not be loaded. The log of the server has the cause.', {
    cause,
  })
}

/** By the endpoint for it: the last event of the stream. */
export function cancelled(): ApiError {
  return new ApiError(499 as ContentfulStatusCode, 'cancelled', 'The completion was cancelled.')
}

/** The client hung up: nobody reads this; 499 is what nginx logs for it. */
export function clientGone(): ApiError {
  return new ApiError(499 as ContentfulStatusCode, 'client_closed_request', 'The client closed the request.')
}

/** What the client is told about an error; what it must not know is logged. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof ChatRequestError) return new ApiError(400, error.code, error.message, { param: error.param })
  if (error instanceof QueueFullError) {
    return new ApiError(429, error.code, error.message, { headers: { 'Retry-After': `${error.retryAfterSeconds}` } })
  }
  if (error instanceof OriginsFailedError) return new ApiError(502, error.code, error.message, { cause: error })
  // What is left of a grammar, in the midst of an answer.
  if (error instanceof GrammarError) return new ApiError(400, error.code, error.message, { cause: error })
  if (error instanceof GrammarMemoryError) return new ApiError(503, error.code, error.message, { cause: error })
  if (error instanceof AccessConfigError) return new ApiError(503, error.code, error.message, { cause: error })
  if (error instanceof RouteWishError) return new ApiError(400, error.code, error.message)
  if (error instanceof PipelineError) {
    const [status, headers] =
      error.code === 'no_kv_cache' ? ([429, { 'Retry-After': `${LEASE_MS / 1000}` }] as const) : ([503, {}] as const)
    return new ApiError(status, error.code, `${error.message}.`, { headers, cause: error })
  }
  if (error instanceof HTTPException && error.status < 500) {
    return new ApiError(error.status as ContentfulStatusCode, 'invalid_request', `${error.message}.`)
  }
  console.error(error)
  return new ApiError(500, 'internal_error', 'The server failed to process the request. Its log has the cause.')
}

export function errorResponse(c: Context, error: ApiError): Response {
  recordOf(c).code = error.code
  return c.json(error.body, error.status, error.headers)
}

/** The first thing wrong with a request's body. */
export function invalidBody(issues: readonly z.core.$ZodIssue[]): ApiError {
  const issue = issues[0]
  const param = echo(issue.path.join('.')) || null
  const unsupported = issue.code === 'custom' && issue.params?.code
  if (unsupported) return new ApiError(400, unsupported, issue.message, { param })
  return new ApiError(400, 'invalid_value', `Invalid value for ${param ?? 'the body'}: ${issue.message}.`, { param })
}
