import type { TokenMask } from '../generate/distribution.ts'
import type { Expression } from './expression.ts'
import type { Dialect } from './print-class.ts'
import { printEbnf } from './print-ebnf.ts'
import { remainder } from './remainder.ts'
import type { Handle, NativeMatcher, XGrammar } from './xgrammar.ts'

/** What no model writes stands before each text, and says how it begins: so one compiled grammar is enough. */
const PLAIN = '\u0001'
const WITH_SPACE = '\u0002'

export const START_RULE = 'text.start'

export interface GrammarSource {
  /** XGrammar's. */
  readonly ebnf: string
  /** What it was printed from; left out: it was written by hand. */
  readonly expression?: Expression
  /** As it was written by hand. */
  readonly gbnf?: string
}

/** A grammar in EBNF with the rule that all begin at. */
export function withStart(ebnf: string): string {
  return `${ebnf}\n${START_RULE} ::= "\\u0001" root | "\\u0002" "\\u0020"? root\n`
}

/** A compiled grammar. Its memory is freed by `dispose` alone; matchers may outlive it. */
export class Grammar {
  readonly #binding: XGrammar
  readonly #compiled: Handle
  readonly #vocabSize: number
  readonly #source: GrammarSource

  constructor(binding: XGrammar, compiled: Handle, vocabSize: number, source: GrammarSource) {
    this.#binding = binding
    this.#compiled = compiled
    this.#vocabSize = vocabSize
    this.#source = source
  }

  /** EBNF of all that may follow a text that it begins with, from its rule `root`; undefined: none says it. */
  rest(begun: string, dialect: Dialect): string | undefined {
    const { ebnf, gbnf, expression } = this.#source
    if (!expression) return begun === '' ? { xgrammar: ebnf, gbnf }[dialect] : undefined
    const rest = remainder(expression, begun)
    return rest && printEbnf(rest, dialect)
  }

  /** At the beginning of a text. @param dropsSpace a space that its first token begins with is no part of the text. */
  matcher(dropsSpace = false): Matcher {
    const native = new this.#binding.GrammarMatcher(this.#compiled, undefined, false, -1)
    const matcher = new Matcher(this.#binding, native, this.#vocabSize)
    matcher.acceptText(dropsSpace ? WITH_SPACE : PLAIN)
    return matcher
  }

  dispose(): void {
    this.#compiled.delete()
  }
}

/** Follows one text through a grammar. Its memory is freed by `dispose` alone. */
export class Matcher {
  readonly #binding: XGrammar
  readonly #native: NativeMatcher
  readonly #vocabSize: number

  constructor(binding: XGrammar, native: NativeMatcher, vocabSize: number) {
    this.#binding = binding
    this.#native = native
    this.#vocabSize = vocabSize
  }

  /** Whether the grammar goes on with this token; where it does not, nothing has changed. */
  accept(id: number): boolean {
    return this.#native.AcceptToken(id, false)
  }

  /** Whether the grammar goes on with this text. */
  acceptText(text: string): boolean {
    return text === '' || this.#native.AcceptString(text, false)
  }

  /** The tokens that the grammar goes on with; those of EOS where it may end. */
  allowed(): TokenMask {
    const vector = this.#native.GetNextTokenBitmask(this.#vocabSize)
    const mask = Uint32Array.from(this.#binding.vecIntToView(vector))
    vector.delete()
    return mask
  }

  dispose(): void {
    this.#native.delete()
  }
}
