/** What no origin can go on with is too long for the edge to take over. */
export class OriginsFailedError extends Error {
  readonly code = 'origins_failed'

  constructor(tokens: number, contextLength: number) {
    super(
      `No GPU origin can answer now, and the edge, which holds ${contextLength} tokens, cannot take over ${tokens}. ` +
        'Try again later, or shorten the messages.',
    )
    this.name = 'OriginsFailedError'
  }
}
