/** A constraint that cannot be held exactly, or not within bounds: the client has to change it. */
export class GrammarError extends Error {
  readonly code: 'unsupported_schema' | 'invalid_schema' | 'invalid_grammar' | 'grammar_too_large'
  /** Where in a schema, as a JSON pointer; '' is the whole. */
  readonly path: string

  constructor(code: GrammarError['code'], message: string, path = '', options?: ErrorOptions) {
    super(message, options)
    this.name = 'GrammarError'
    this.code = code
    this.path = path
  }
}
