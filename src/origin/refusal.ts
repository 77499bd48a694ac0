import { OriginError, type OriginErrorCode } from './errors.ts'
import type { OriginConfig } from './origin-config.ts'

/** Of an origin's own words, what an error message repeats. */
const MAX_WORDS = 300

/** The error behind a response that is not 2xx. */
export async function refusal(config: OriginConfig, path: string, response: Response): Promise<OriginError> {
  const { status } = response
  // With redirect 'manual' browsers and Node's fetch give a redirect as it is; other runtimes hide it as status 0.
  if (status === 0 || (status >= 300 && status < 400)) {
    await response.body?.cancel()
    return new OriginError(config.name, 'redirected', `${path} redirects.`)
  }
  const body = await response.text().catch(() => '')
  const words = (config.key?.redact(body) ?? body).slice(0, MAX_WORDS)
  return new OriginError(config.name, codeOf(status, body), `${path} answers ${status}: ${words}.`, {
    retryAfterMs: retryAfter(response.headers.get('Retry-After')),
  })
}

function codeOf(status: number, body: string): OriginErrorCode {
  if (status === 401 || status === 403) return 'unauthorized'
  // vLLM and SGLang answer 404 for a model that they do not serve, and any server for a path that it does not have.
  if (status === 404) return 'wrong_model'
  if (status === 429) return 'rate_limited'
  // What Cloudflare answers in place of an origin whose TLS handshake or certificate is wrong.
  if (status === 525 || status === 526) return 'tls'
  if (status >= 500) return 'server_error'
  if (/exceed_context_size|context length|context size|maximum context/i.test(body)) return 'context_exceeded'
  return 'bad_request'
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
