interface Cause {
  /** What the person who runs the origin should do. */
  readonly advice: string
  /** The origin is at fault: its circuit breaker counts it. */
  readonly fault: boolean
  /** The same request may succeed at once. */
  readonly transient: boolean
}

const CAUSES = {
  unreachable: { advice: 'Check that the origin runs, its URL and its certificate.', fault: true, transient: true },
  tls: { advice: 'Check the certificate of the origin.', fault: true, transient: false },
  connect_timeout: { advice: 'The origin is overloaded or its URL is wrong.', fault: true, transient: false },
  first_token_timeout: {
    advice: 'The origin is overloaded, or raise timers.firstTokenMs.',
    fault: true,
    transient: false,
  },
  idle_timeout: { advice: 'The origin stalled, or raise timers.idleMs.', fault: true, transient: true },
  total_timeout: { advice: 'Raise timers.totalMs if answers may take that long.', fault: true, transient: false },
  redirected: { advice: 'Redirects are not followed: configure the final URL.', fault: true, transient: false },
  unauthorized: { advice: 'Check the secret that keySecret names, and its account.', fault: true, transient: false },
  wrong_model: { advice: 'Configure the model name that the origin serves.', fault: true, transient: false },
  server_error: { advice: 'See the log of the origin.', fault: true, transient: true },
  stream_cut: { advice: 'See the log of the origin and of the proxies before it.', fault: true, transient: true },
  garbage: { advice: 'Check that the URL is that of an origin of the configured kind.', fault: true, transient: true },
  ids_lost: { advice: 'The origin left out token ids: check its kind and version.', fault: true, transient: true },
  // The origin works, but not for this request or not now.
  content_filtered: {
    advice: 'A filter of the origin stopped this answer: another origin or the edge has to go on.',
    fault: false,
    transient: false,
  },
  rate_limited: { advice: 'The origin asks for patience.', fault: false, transient: true },
  bad_request: { advice: 'The origin refuses this request.', fault: false, transient: false },
  context_exceeded: {
    advice: 'The conversation is longer than the context of the origin.',
    fault: false,
    transient: false,
  },
  grammar_broken: {
    advice:
      'It does not hold to grammars: check its version (vLLM 0.11 or later), and whether --reasoning-parser puts them off.',
    fault: false,
    transient: false,
  },
  unsupported: { advice: 'Another origin or the edge has to answer this.', fault: false, transient: false },
  circuit_open: { advice: 'It is tried again after a pause.', fault: false, transient: false },
} satisfies Record<string, Cause>

export type OriginErrorCode = keyof typeof CAUSES

export class OriginError extends Error {
  readonly code: OriginErrorCode
  /** Name of the origin. */
  readonly origin: string
  /** What the origin asked for with a 429 or 503, in ms. */
  readonly retryAfterMs: number | undefined

  constructor(
    origin: string,
    code: OriginErrorCode,
    what: string,
    { retryAfterMs, cause }: { retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(`Origin '${origin}': ${what} ${CAUSES[code].advice}`, { cause })
    this.name = 'OriginError'
    this.code = code
    this.origin = origin
    this.retryAfterMs = retryAfterMs
  }

  get isFault(): boolean {
    return CAUSES[this.code].fault
  }

  get isTransient(): boolean {
    return CAUSES[this.code].transient
  }
}

/** No origin could go on; what was delivered until then stands, and the edge can go on from there. */
export class AllOriginsFailedError extends Error {
  readonly code = 'all_origins_failed'
  /** The failures since the last delivered token, in order. */
  readonly failures: readonly OriginError[]

  constructor(failures: readonly OriginError[]) {
    const last = failures.at(-1)
    super(last ? `No origin can go on; the last failure was: ${last.message}` : 'No origin is configured.')
    this.name = 'AllOriginsFailedError'
    this.failures = failures
  }
}
