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

/** XGrammar has run out of its memory, in the midst of an answer: those that it holds cannot go on. */
export class GrammarMemoryError extends Error {
  readonly code = 'grammar_memory_full'

  constructor(options?: ErrorOptions) {
    super(
      'What holds answers to their form has run out of memory: 28 MiB for all that go on at once, of which each byte of an answer takes ' +
        'up to 400. Ask again, for a shorter answer.',
      options,
    )
    this.name = 'GrammarMemoryError'
  }
}
