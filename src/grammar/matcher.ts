import type { TokenMask } from '../generate/distribution.ts'
import { CountedText } from './counted-text.ts'
import type { Engine } from './engine.ts'
import { optional, sequence, text } from './expression.ts'
import { GrammarError } from './grammar-error.ts'
import { type GrammarSource, grammarSource } from './grammar-source.ts'
import type { Dialect } from './print-class.ts'
import { printEbnf } from './print-ebnf.ts'
import { remainder } from './remainder.ts'
import type { TokenLengths } from './token-lengths.ts'
import type { Handle, NativeMatcher } from './xgrammar.ts'

/** What no model writes stands before each text, and says how it begins: so one compiled grammar is enough. */
const PLAIN = '\u0001'
const WITH_SPACE = '\u0002'

export const START_RULE = 'text.start'

/** A grammar in EBNF with the rule that all begin at. */
export function withStart(ebnf: string): string {
  return `${ebnf}\n${START_RULE} ::= "\\u0001" root | "\\u0002" "\\u0020"? root\n`
}

/** A compiled grammar. Its memory is freed by `dispose` alone; matchers may outlive it. */
export class Grammar {
  readonly #compiled: Handle
  readonly #source: GrammarSource
  readonly #tools: MatcherTools

  constructor(compiled: Handle, source: GrammarSource, tools: MatcherTools) {
    this.#compiled = compiled
    this.#source = source
    this.#tools = tools
  }

  /** EBNF of all that may follow a text that it begins with, from its rule `root`; undefined: none says it. */
  rest(begun: string, dialect: Dialect): string | undefined {
    const { expression, written } = this.#source
    if (!expression) return begun === '' ? written?.[dialect] : undefined
    const rest = remainder(expression, begun)
    try {
      return rest && printEbnf(rest, dialect)
    } catch (error) {
      if (error instanceof GrammarError) return undefined
      throw error
    }
  }

  /** At the beginning of a text. @param dropsSpace a space that its first token begins with is no part of the text. */
  matcher(dropsSpace = false): Matcher {
    const { counts } = this.#source
    const counted =
      counts &&
      new CountedText(
        dropsSpace ? sequence(optional(text(' ')), counts.expression) : counts.expression,
        this.#tools.lengths(),
        counts,
      )
    return new Matcher(this.#compiled, dropsSpace ? WITH_SPACE : PLAIN, counted, this.#tools)
  }

  dispose(): void {
    this.#tools.engine.free(this.#compiled)
  }
}

/** What matchers of one vocabulary share. */
export interface MatcherTools {
  readonly engine: Pick<Engine, 'run' | 'free'>
  readonly vocabSize: number
  readonly lengths: () => TokenLengths
  /** A compiled grammar, kept by others: to be cloned. Throws GrammarError and GrammarMemoryError. */
  readonly compile: (ebnf: string) => Handle
}

/** Follows one text through a grammar. Its memory is freed by `dispose` alone. All but that throws GrammarMemoryError. */
export class Matcher {
  readonly #tools: MatcherTools
  readonly #counted: CountedText | undefined
  #native: NativeMatcher

  constructor(compiled: Handle, start: string, counted: CountedText | undefined, tools: MatcherTools) {
    this.#tools = tools
    this.#counted = counted
    this.#native = this.#begin(compiled, start)
  }

  #begin(compiled: Handle, start: string): NativeMatcher {
    return this.#tools.engine.run((binding) => {
      const native = new binding.GrammarMatcher(compiled, undefined, false, -1)
      native.AcceptString(start, false)
      return native
    })
  }

  /** Whether the grammar goes on with this token; where it does not, nothing has changed. */
  accept(id: number): boolean {
    if (!this.#tools.engine.run(() => this.#native.AcceptToken(id, false))) return false
    this.#counted?.push(id)
    this.#rejoin()
    return true
  }

  /** Whether the grammar goes on with this text; where it does not, its beginning may be taken. */
  acceptText(written: string): boolean {
    if (written === '') return true
    if (!this.#tools.engine.run(() => this.#native.AcceptString(written, false))) return false
    this.#counted?.pushText(written)
    this.#rejoin()
    return this.#counted?.isPossible !== false
  }

  /** XGrammar cannot be told that one of the ways to read a text has come to nothing: it gets a grammar of what is left. */
  #rejoin(): void {
    const left = this.#counted?.parted
    const source = left && grammarSource(left)
    if (source === undefined) return
    this.#tools.engine.free(this.#native)
    this.#native = this.#begin(this.#tools.compile(source.ebnf), PLAIN)
    this.#counted!.rejoin()
  }

  /** The tokens that the grammar goes on with; those of EOS where it may end. */
  allowed(): TokenMask {
    const { engine, vocabSize } = this.#tools
    const mask = engine.run((binding) => {
      const vector = this.#native.GetNextTokenBitmask(vocabSize)
      const copy = Uint32Array.from(binding.vecIntToView(vector))
      vector.delete()
      return copy
    })
    this.#counted?.narrow(mask)
    return mask
  }

  dispose(): void {
    this.#tools.engine.free(this.#native)
  }
}
