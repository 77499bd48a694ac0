import type { Context } from 'hono'
import { ApiError, toApiError } from '../errors.ts'

/** Anthropic's kinds of errors by status (https://platform.claude.com/docs/en/api/errors); the other ones of 4xx and of 5xx have one each. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

/** An error in Anthropic's form, which is an event of a stream too. `requestId`: that of the header. */
export function errorObject({ status, message }: ApiError, requestId: string) {
  const type = TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error')
  return { type: 'error', error: { type, message }, request_id: requestId }
}

/** @param requestId its own, or a new one. */
export function sendError(c: Context, error: unknown, requestId: string): Response {
  const apiError = error instanceof ApiError ? error : toApiError(error)
  return c.json(errorObject(apiError, requestId), apiError.status, apiError.headers)
}
