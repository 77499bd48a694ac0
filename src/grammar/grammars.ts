import { compileCost } from './compile-cost.ts'
import type { Expression } from './expression.ts'
import { GrammarError } from './grammar-error.ts'
import { type GrammarSource, grammarSource } from './grammar-source.ts'
import { Grammar, START_RULE, withStart } from './matcher.ts'
import { largestAt, MAX_LENGTH, placedRules } from './print-ebnf.ts'
import { TokenLengths } from './token-lengths.ts'
import { firstByteCounts, type Vocabulary } from './vocabulary.ts'
import { type Handle, type OpenedXGrammar, openXGrammar } from './xgrammar.ts'

/** Compiled grammars that are kept; those in use are kept by their matchers too. */
const MAX_KEPT = 16
/** Tokens that compiling one may walk over: 0.5 to 1 µs each on a 2.4 GHz core, in which nobody else has a turn. */
const MAX_TOKENS = 5_000_000
/** Faulty grammars after which a new memory is taken, since XGrammar frees nothing of what it gave up. */
const MAX_FAULTS = 64

/** XGrammar with a vocabulary in it. */
interface Engine extends OpenedXGrammar {
  readonly compiler: Handle & { CompileGrammar(grammar: Handle): Handle }
  readonly compiled: Map<string, Handle>
  faults: number
}

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
        return new Grammar(this.#compile(engine, ebnf).clone(), source, {
          binding: engine.binding,
          vocabSize: this.#vocabSize,
          lengths: () => {
            this.#lengths ??= new TokenLengths(this.#vocabulary().bytes)
            return this.#lengths
          },
          compile: (rest) => {
            this.#check(rest)
            return this.#compile(engine, rest)
          },
        })
      } catch (error) {
        if (error instanceof GrammarError) throw error
        // Other grammars may have filled its memory.
        this.#engine = undefined
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

  #open(): Promise<Engine> {
    this.#engine ??= this.#load().catch((error) => {
      this.#engine = undefined
      throw error
    })
    return this.#engine
  }

  async #load(): Promise<Engine> {
    const opened = await openXGrammar(await this.#module())
    const { binding } = opened
    const { bytes, eosIds } = this.#vocabulary()
    const tokens = new binding.VectorString()
    for (const token of bytes) tokens.push_back(token)
    const stopIds = binding.vecIntFromJSArray(eosIds)
    const info = new binding.TokenizerInfo(tokens, 'RAW', undefined, stopIds, false)
    const compiler = new binding.GrammarCompiler(info, 1, false)
    for (const handle of [tokens, stopIds, info]) handle.delete()
    return { ...opened, compiler, compiled: new Map(), faults: 0 }
  }

  /** The least recently used goes when there are too many. */
  #compile(engine: Engine, ebnf: string): Handle {
    const { compiled, compiler } = engine
    const grammar = compiled.get(ebnf) ?? this.#parse(engine, ebnf, (parsed) => compiler.CompileGrammar(parsed))
    compiled.delete(ebnf)
    compiled.set(ebnf, grammar)
    const [oldest] = compiled
    if (compiled.size > MAX_KEPT) {
      compiled.delete(oldest[0])
      oldest[1].delete()
    }
    return grammar
  }

  #parse(engine: Engine, ebnf: string, use: (grammar: Handle) => Handle): Handle {
    engine.takeLog()
    let parsed: Handle
    try {
      parsed = engine.binding.Grammar.FromEBNF(withStart(ebnf), START_RULE)
    } catch (error) {
      const [, reason] = /^\[FATAL\] \S+: (.*)$/m.exec(engine.takeLog()) ?? []
      if (reason === undefined) throw error
      if (++engine.faults >= MAX_FAULTS) this.#engine = undefined
      throw new GrammarError('invalid_grammar', `The grammar cannot be read: ${reason}`, '', { cause: error })
    }
    try {
      return use(parsed)
    } finally {
      parsed.delete()
    }
  }
}

function tooLarge(options?: ErrorOptions): GrammarError {
  const message =
    'The grammar is too large to compile: it repeats too much that may begin in many ways. ' +
    'Lower the bounds of repetitions and lengths, or leave them out.'
  return new GrammarError('grammar_too_large', message, '', options)
}
