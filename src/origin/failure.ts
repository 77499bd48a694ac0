import { z } from 'zod'
import type { OriginErrorCode } from './errors.ts'

/** What an origin says went wrong. */
export interface Failure {
  /** Its own words: they may repeat the key of the request. */
  readonly words: string
  /** The HTTP status that it is, or would have been had the response not begun; undefined: it does not say. */
  readonly status: number | undefined
}

const status = z
  .union([
    z.int(),
    z
      .string()
      .regex(/^\d{3}$/)
      .transform(Number),
  ])
  .pipe(z.int().min(400).max(599))
  .optional()
  .catch(undefined)
const told = z.object({ message: z.string().optional().catch(undefined), code: status, status, status_code: status })
/** FastAPI's list of what it does not accept; its `input` may be the prompt and is left out. */
const details = z
  .array(z.unknown())
  .max(20)
  .pipe(z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])).max(20), msg: z.string() })))

/**
 * The failure that a JSON value tells of; undefined: it tells of none. The forms are OpenAI's `{error: {message, code}}` (vLLM and
 * llama-server too), `{error: 'words'}`, vLLM's older `{object: 'error', message, code}`, SGLang's `{message, status_code}` and
 * FastAPI's `{detail}`.
 */
export function failureIn(value: unknown): Failure | undefined {
  const { success, data: outer } = told.safeParse(value)
  if (!success) return undefined
  const { error, detail } = value as { error?: unknown; detail?: unknown }
  const inner = told.safeParse(error).data ?? {}
  const words = inner.message ?? textIn(error) ?? outer.message ?? textIn(detail) ?? detailsIn(detail)
  if (words === undefined && !isFailure(value)) return undefined
  return { words: words ?? 'it does not say which', status: statusOf(inner) ?? statusOf(outer) }
}

/** Whether a value says itself that it is a failure, whatever else it holds. */
export function isFailure(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'error' in value && Boolean(value.error)
}

function statusOf({ code, status, status_code: statusCode }: Partial<z.infer<typeof told>>): number | undefined {
  return code ?? status ?? statusCode
}

function textIn(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function detailsIn(value: unknown): string | undefined {
  return details
    .safeParse(value)
    .data?.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`)
    .join('; ')
}

export function codeOf({ status, words }: Failure): OriginErrorCode {
  switch (status) {
    // 402: the account has no money left.
    case 401:
    case 402:
    case 403:
      return 'unauthorized'
    // vLLM and SGLang answer 404 for a model that they do not serve, and any server for a path that it does not have.
    case 404:
      return 'wrong_model'
    case 501:
      return 'bad_request'
    // What the server or a proxy could not take just now, not what it refuses.
    case 408:
    case 425:
      return 'server_error'
    case 429:
      return 'rate_limited'
    // What Cloudflare answers in place of an origin whose TLS handshake or certificate is wrong.
    case 525:
    case 526:
      return 'tls'
  }
  if (status !== undefined && status >= 500) return 'server_error'
  if (/exceed_context_size|context[_ ]length|context size|maximum context/i.test(words)) return 'context_exceeded'
  return status === undefined ? 'server_error' : 'bad_request'
}
