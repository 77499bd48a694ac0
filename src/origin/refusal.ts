import { textOf } from './body.ts'
import type { OriginErrorCode } from './errors.ts'
import { codeOf, failureIn } from './failure.ts'

/** Of a response that is an error, what is read. */
const MAX_BYTES = 16 * 1024
/** How long it may take, in ms: the status is known without it. */
const MAX_MS = 1000
/** An origin that asks for more patience is tried again all the same, in ms. */
const MAX_RETRY_AFTER_MS = 5 * 60_000

export interface Refusal {
  readonly code: OriginErrorCode
  readonly what: string
  readonly retryAfterMs: number | undefined
}

/** What is behind a response that is not 2xx. Throws the signal's reason when it aborts. */
export async function refusal(path: string, response: Response, signal: AbortSignal): Promise<Refusal> {
  const { status, headers, body } = response
  // With redirect 'manual' browsers and Node's fetch give a redirect as it is; other runtimes hide it as status 0.
  if (status === 0 || (status >= 300 && status < 400)) {
    body?.cancel().catch(() => {})
    return { code: 'redirected', what: `${path} redirects.`, retryAfterMs: undefined }
  }
  const text = await beginning(body, signal)
  const words = wordsOf(text)
  return {
    code: codeOf({ status, words }),
    what: `${path} answers ${status}${words && `: ${words}`}.`,
    retryAfterMs: retryAfter(headers.get('Retry-After')),
  }
}

/** What comes of a body in a short time. Throws the signal's reason when it aborts. */
export async function beginning(body: Response['body'], signal: AbortSignal): Promise<string> {
  let text = ''
  try {
    const inTime = AbortSignal.any([signal, AbortSignal.timeout(MAX_MS)])
    for await (const piece of textOf(body, MAX_BYTES, inTime)) text += piece
  } catch {
    // Broken off, too long or too slow: what has come says enough.
  }
  if (signal.aborted) throw signal.reason
  return text
}

/** Of a JSON body its message, of an HTML page its title, of any other all of it. */
function wordsOf(text: string): string {
  if (/^\s*</.test(text)) return /<title[^>]*>([^<]*)/i.exec(text)?.[1].trim() ?? 'an HTML page'
  try {
    return failureIn(JSON.parse(text))?.words ?? text
  } catch {
    return text
  }
}

/** RFC 9110, 10.2.3: seconds or a date; some servers send decimals. undefined: neither. */
export function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const value = header.trim()
  // Date.parse takes "-5" and "2.5" for dates.
  const isDate = /^[a-z]/i.test(value)
  const ms = isDate ? Date.parse(value) - Date.now() : /^\d*\.?\d+$/.test(value) ? Number(value) * 1000 : Number.NaN
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS)
}
