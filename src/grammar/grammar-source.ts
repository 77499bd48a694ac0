import type { Expression } from './expression.ts'
import type { Dialect } from './print-class.ts'
import { type CountsLeft, countsLeft, printEbnf } from './print-ebnf.ts'

export interface GrammarSource {
  /** XGrammar's. */
  readonly ebnf: string
  /** What it was printed from. */
  readonly expression?: Expression
  /** Where it was written by hand: the same for whoever else reads it. */
  readonly written?: Readonly<Record<Dialect, string>>
  /** What has to be held beside the EBNF, and by which expression. */
  readonly counts?: CountsLeft & { readonly expression: Expression }
}

/** undefined: no text matches. */
export function grammarSource(expression: Expression): GrammarSource | undefined {
  const left = countsLeft(expression)
  const ebnf = printEbnf(expression, 'xgrammar', left !== undefined)
  return ebnf === undefined ? undefined : { ebnf, expression, counts: left && { ...left, expression } }
}
