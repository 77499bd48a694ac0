import type { Dialect } from '../grammar/print-class.ts'

/** What an answer may be from here on, where a grammar is open: asked about all tokens that were delivered. */
export interface OpenGrammar {
  /** EBNF of all texts that the grammar goes on with, beginning at `root`; undefined: no grammar says it, and only the edge can go on. */
  rest(dialect: Dialect): string | undefined
  /** Whether it goes on with this token. */
  allows(id: number): boolean
  /** Whether it may end here. */
  readonly mayEnd: boolean
}
