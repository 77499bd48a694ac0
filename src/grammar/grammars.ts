import { compileCost } from './compile-cost.ts'
import { Engine } from './engine.ts'
import type { Expression } from './expression.ts'
import { GrammarError, GrammarMemoryError } from './grammar-error.ts'
import { type GrammarSource, grammarSource } from './grammar-source.ts'
import { Grammar } from './matcher.ts'
import { largestAt, MAX_LENGTH, placedRules } from './print-ebnf.ts'
import { TokenLengths } from './token-lengths.ts'
import { firstByteCounts, type Vocabulary } from './vocabulary.ts'

/** Tokens that compiling one may walk over: 0.5 to 1 µs each on a 2.4 GHz core, in which nobody else has a turn. */
const MAX_TOKENS = 5_000_000

/** The grammars of a model. Nothing is loaded before the first one. */
export class Grammars {
  readonly #module: () => Promise<WebAssembly.Module>
  readonly #vocabulary: () => Vocabulary
  readonly #vocabSize: number
  #engine: Promise<Engine> | undefined
  #firstBytes: Uint32Array | undefined
  #lengths: TokenLengths | undefined

  /** @param module dist/xgrammar.wasm. */
  constructor(module: () => Promise<WebAssembly.Module>, vocabSize: number, vocabulary: () => Vocabulary) {
    this.#module = module
    this.#vocabSize = vocabSize
    this.#vocabulary = vocabulary
  }

  /** A grammar in XGrammar's EBNF, from its rule `root`; to be disposed of. Throws GrammarError. */
  async compile(source: GrammarSource): Promise<Grammar> {
    const { ebnf } = source
    try {
      this.#check(ebnf)
    } catch (error) {
      throw error instanceof GrammarError && source.expression ? this.#located(error, source.expression) : error
    }
    for (let attempt = 0; ; attempt++) {
      const engine = await this.#open()
      try {
        return new Grammar(engine.compile(ebnf).clone(), source, {
          engine,
          vocabSize: this.#vocabSize,
          lengths: () => {
            this.#lengths ??= new TokenLengths(this.#vocabulary().bytes)
            return this.#lengths
          },
          compile: (rest) => {
            this.#check(rest)
            return engine.compile(rest)
          },
        })
      } catch (error) {
        if (!(error instanceof GrammarMemoryError)) throw error
        // Answers that go on may have filled its memory.
        if (attempt > 0) throw tooLarge({ cause: error })
      }
    }
  }

  /** Throws GrammarError. */
  #check(ebnf: string): void {
    if (ebnf.length > MAX_LENGTH) throw tooLarge()
    this.#firstBytes ??= firstByteCounts(this.#vocabulary())
    if (compileCost(ebnf, this.#firstBytes) > MAX_TOKENS) throw tooLarge()
  }

  /** With the keyword that takes most, where one of a schema does: the innermost that takes half of the largest. */
  #located(error: GrammarError, root: Expression): GrammarError {
    const costs = placedRules(root).map((rule) => ({ place: rule.place!, cost: this.#costOf({ kind: 'rule', rule }) }))
    const most = Math.max(...costs.map(({ cost }) => cost))
    const found = costs.findLast(({ cost }) => cost >= most / 2)
    if (!found) return error
    return new GrammarError(error.code, `${error.message}${largestAt(found.place)}`, found.place.path, { cause: error })
  }

  #costOf(expression: Expression): number {
    try {
      return compileCost(grammarSource(expression)?.ebnf ?? '', this.#firstBytes!)
    } catch {
      return Infinity
    }
  }

  async #open(): Promise<Engine> {
    const current = this.#engine
    const engine = await current
    if (engine && !engine.isSpent) return engine
    // Whoever waited beside this call finds the new one.
    if (this.#engine === current) this.#engine = this.#load()
    return this.#engine!
  }

  async #load(): Promise<Engine> {
    try {
      return await Engine.open(await this.#module(), this.#vocabulary())
    } catch (error) {
      this.#engine = undefined
      throw error
    }
  }
}

function tooLarge(options?: ErrorOptions): GrammarError {
  const message =
    'The grammar is too large to compile: it repeats too much that may begin in many ways. ' +
    'Lower the bounds of repetitions and lengths, or leave them out.'
  return new GrammarError('grammar_too_large', message, '', options)
}
