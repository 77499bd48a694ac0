import { ApiError } from '../errors.ts'
import { AccessConfigError } from './config-error.ts'

const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** Whether a URL's name is one of this machine alone, which no other site can take for itself. */
export function isLoopback({ hostname }: URL): boolean {
  return LOOPBACK.test(hostname)
}

/**
 * The sites whose pages may ask, beside the server's own: those of the variable ALLOWED_ORIGINS, and pages of this machine where it alone is
 * served. Browsers say where a request comes from, in headers that a page cannot change.
 */
export class Sites {
  readonly #variable: string
  readonly #allowsLoopback: boolean
  #parsed: ReadonlySet<string> | undefined

  /** @param variable origins with commas or spaces between them, or `*`; undefined: none. */
  constructor(variable: string | undefined, allowsLoopback: boolean) {
    this.#variable = variable ?? ''
    this.#allowsLoopback = allowsLoopback
  }

  /** Throws AccessConfigError where the variable cannot be used. */
  allows(origin: string): boolean {
    const allowed = this.#origins()
    if (allowed.has('*') || allowed.has(origin)) return true
    return this.#allowsLoopback && URL.canParse(origin) && isLoopback(new URL(origin))
  }

  /** For the header of a response; null: its pages may not read it. */
  corsOrigin(origin: string): string | null {
    try {
      return origin !== '' && this.allows(origin) ? origin : null
    } catch {
      return null
    }
  }

  /** Throws an ApiError of status 403 where the page of another site asks. Throws AccessConfigError. */
  check(request: Request): void {
    const origin = request.headers.get('Origin')
    const site = request.headers.get('Sec-Fetch-Site')
    if (site === 'same-origin') return
    if (origin === null ? site === null || site === 'none' : isOwn(origin, request) || this.allows(origin)) return
    throw new ApiError(
      403,
      'origin_not_allowed',
      `Pages of ${origin ?? 'other sites'} may not ask this server. Its owner can name the site in the variable ALLOWED_ORIGINS.`,
    )
  }

  /** Whether a page of this site asks. */
  isOf(request: Request, site: string): boolean {
    const origin = request.headers.get('Origin')
    if (origin !== null) return origin === site
    // Of its own origin a page reads without saying which that is.
    return request.headers.get('Sec-Fetch-Site') === 'same-origin' && isOwn(site, request)
  }

  #origins(): ReadonlySet<string> {
    this.#parsed ??= new Set(
      this.#variable
        .split(/[\s,]+/)
        .filter(Boolean)
        .map(checked),
    )
    return this.#parsed
  }
}

/** By name and port: a proxy before this server may speak TLS for it. */
function isOwn(origin: string, { url }: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(url).host
}

function checked(origin: string): string {
  const isOrigin = URL.canParse(origin) && new URL(origin).origin === origin && !origin.includes('*')
  if (origin === '*' || isOrigin) return origin
  throw new AccessConfigError(
    'allowed_origins_invalid',
    `The variable ALLOWED_ORIGINS cannot be used: '${origin}' is no origin. Write them as https://shop.example, with commas between them.`,
  )
}
