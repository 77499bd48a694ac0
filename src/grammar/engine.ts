import { GrammarError, GrammarMemoryError } from './grammar-error.ts'
import { START_RULE, withStart } from './matcher.ts'
import { MAX_LENGTH } from './print-ebnf.ts'
import type { Vocabulary } from './vocabulary.ts'
import { type Handle, type OpenedXGrammar, openXGrammar, type XGrammar } from './xgrammar.ts'

/** Compiled grammars that are kept, and the characters of all of them; those in use are kept by their matchers too. */
const MAX_KEPT = 16
const MAX_KEPT_LENGTH = MAX_LENGTH / 2
/** Faulty grammars after which a new memory is taken, since XGrammar frees nothing of what it gave up. */
const MAX_FAULTS = 64

/** XGrammar with a vocabulary in it, in a memory of its own. */
export class Engine {
  readonly #opened: OpenedXGrammar
  readonly #compiler: Handle & { CompileGrammar(grammar: Handle): Handle }
  /** By their EBNF, the least recently used first. */
  readonly #compiled = new Map<string, Handle>()
  #keptLength = 0
  #faults = 0
  #isBroken = false

  private constructor(opened: OpenedXGrammar, { bytes, eosIds }: Vocabulary) {
    const { binding } = opened
    this.#opened = opened
    const tokens = new binding.VectorString()
    for (const token of bytes) tokens.push_back(token)
    const stopIds = binding.vecIntFromJSArray(eosIds)
    const info = new binding.TokenizerInfo(tokens, 'RAW', undefined, stopIds, false)
    this.#compiler = new binding.GrammarCompiler(info, 1, false)
    for (const handle of [tokens, stopIds, info]) handle.delete()
  }

  static async open(module: WebAssembly.Module, vocabulary: Vocabulary): Promise<Engine> {
    return new Engine(await openXGrammar(module), vocabulary)
  }

  /** Whether what comes next takes another one. */
  get isSpent(): boolean {
    return this.#isBroken || this.#faults >= MAX_FAULTS
  }

  /** A compiled grammar, which is kept here: to be cloned. Throws GrammarError where its syntax is wrong, and GrammarMemoryError. */
  compile(ebnf: string): Handle {
    const grammar = this.#compiled.get(ebnf) ?? this.#parse(ebnf, (parsed) => this.#compiler.CompileGrammar(parsed))
    if (!this.#compiled.delete(ebnf)) this.#keptLength += ebnf.length
    this.#compiled.set(ebnf, grammar)
    for (const [oldest, handle] of this.#compiled) {
      if (oldest === ebnf || (this.#compiled.size <= MAX_KEPT && this.#keptLength <= MAX_KEPT_LENGTH)) break
      this.#compiled.delete(oldest)
      this.#keptLength -= oldest.length
      this.free(handle)
    }
    return grammar
  }

  /** Throws GrammarMemoryError where XGrammar has given up, now or before: what it would say from then on may be wrong. */
  run<T>(use: (binding: XGrammar) => T): T {
    if (this.#isBroken) throw new GrammarMemoryError()
    try {
      return use(this.#opened.binding)
    } catch (error) {
      throw this.#broken(error)
    }
  }

  free(handle: Handle): void {
    if (!this.#isBroken) handle.delete()
  }

  #parse(ebnf: string, use: (grammar: Handle) => Handle): Handle {
    if (this.#isBroken) throw new GrammarMemoryError()
    const { binding, takeLog } = this.#opened
    takeLog()
    let parsed: Handle
    try {
      parsed = binding.Grammar.FromEBNF(withStart(ebnf), START_RULE)
    } catch (error) {
      const [, reason] = /^\[FATAL\] \S+: (.*)$/m.exec(takeLog()) ?? []
      if (reason === undefined) throw this.#broken(error)
      this.#faults++
      throw new GrammarError('invalid_grammar', `The grammar cannot be read: ${reason}`, '', { cause: error })
    }
    try {
      return this.run(() => use(parsed))
    } finally {
      this.free(parsed)
    }
  }

  #broken(cause: unknown): GrammarMemoryError {
    this.#isBroken = true
    return new GrammarMemoryError({ cause })
  }
}
