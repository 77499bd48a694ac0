import type { Context } from 'hono'
import type { RequestIdVariables } from 'hono/request-id'
import type { ApiError } from '../errors.ts'
import { recordOf } from '../request-record.ts'

export type RequestIds = { Variables: RequestIdVariables }

/** By which Anthropic's SDKs tell of a request. */
export const REQUEST_ID_HEADER = 'request-id'

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

/** The answer to a request below /v1/messages that failed, wherever it did. */
export function sendError(c: Context<RequestIds>, error: ApiError): Response {
  const id = c.get('requestId')
  recordOf(c).code = error.code
  return c.json(errorObject(error, id), error.status, { ...error.headers, [REQUEST_ID_HEADER]: id })
}
