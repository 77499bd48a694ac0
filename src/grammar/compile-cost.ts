import { type Alternatives, copiesOf, ebnfRules, type Part } from './ebnf-rules.ts'
import { classOf, unescaped } from './ebnf-tokens.ts'
import { GrammarError } from './grammar-error.ts'
import { mostWays } from './ways-to-go-on.ts'

/** States of a grammar: each takes memory. */
const MAX_STATES = 50_000
/** Tokens that one mask may have to try, each as often as there are ways to come to it: 0.3 µs each on a 2.4 GHz core. */
const MAX_TRIED = 1_000_000

export interface Cost {
  readonly states: number
  /** Tokens that the compiler walks over. */
  readonly tokens: number
}

const FREE: Cost = { states: 1, tokens: 0 }
const NOTHING: Cost = { states: 0, tokens: 0 }

/**
 * About what it takes to compile a grammar in EBNF: for every state the compiler walks over the tokens that begin as the state can go on.
 * Nothing can stop it once it runs, nor a mask, so that this is asked first. Faults of syntax are left to XGrammar's own parser. Throws
 * GrammarError where repetitions alone come to too much, or rules that may be empty lead to the same place in too many ways.
 *
 * @param firstBytes tokens that begin with each byte.
 * @returns tokens that are walked over.
 */
export function compileCost(ebnf: string, firstBytes: Uint32Array): number {
  const rules = ebnfRules(ebnf)
  const costs = new EbnfCosts(rules, firstBytes)
  const { states, tokens } = sum(Array.from(rules.values(), (alternatives) => costs.ofAlternatives(alternatives)))
  if (states > MAX_STATES) throw tooLarge('its repetitions are too many')
  if (mostWays(rules, (part) => costs.ofPart(part, true).tokens) > MAX_TRIED) {
    throw tooLarge('its rules may be empty in too many ways, so that one text can be read in all of them')
  }
  return tokens
}

class EbnfCosts {
  readonly #prefix: Float64Array
  /** What is copied to where a sequence begins with its name. */
  readonly #copied = new Map<string, Cost>()

  constructor(rules: ReadonlyMap<string, Alternatives>, firstBytes: Uint32Array) {
    this.#prefix = new Float64Array(257)
    for (let byte = 0; byte < 256; byte++) this.#prefix[byte + 1] = this.#prefix[byte] + firstBytes[byte]
    // XGrammar copies rules that refer to no other, and that have no empty alternative.
    for (const [name, alternatives] of rules) {
      if (alternatives.some(isEmpty) || alternatives.flat().some(hasName)) continue
      this.#copied.set(name, this.ofAlternatives(alternatives))
    }
  }

  ofAlternatives(alternatives: Alternatives): Cost {
    return sum(alternatives.flatMap((parts) => parts.map((part, index) => this.ofPart(part, index === 0))))
  }

  /** @param isFirst it begins a sequence, or is one of its own: what is repeated, or in a group of its own. */
  ofPart(part: Part, isFirst: boolean): Cost {
    switch (part.kind) {
      case 'text':
        return this.#ofText(part.literal)
      case 'class':
        return this.#ofClass(part.literal)
      case 'name':
        return (isFirst && this.#copied.get(part.name)) || FREE
      case 'group':
        return this.ofAlternatives(part.alternatives)
      case 'repeat': {
        const cost = times(this.ofPart(part.part, true), copiesOf(part))
        if (cost.states > MAX_STATES) throw tooLarge('its repetitions are too many')
        return cost
      }
    }
  }

  #ofText(literal: string): Cost {
    const bytes = new TextEncoder().encode(unescaped(literal))
    return sum(Array.from(bytes, (byte) => ({ states: 1, tokens: this.#between(byte, byte) })))
  }

  #ofClass(literal: string): Cost {
    const { isNegated, ranges } = classOf(literal)
    const bytes = new Uint8Array(256)
    for (const [low, high] of ranges) {
      // Of what begins with one byte many characters are left, where one is taken out.
      const last = isNegated ? Math.min(high, 0x7f) : high
      // XGrammar takes what a class lists up to U+00FF for bytes.
      for (let byte = low; low <= last && byte <= Math.min(last, 0xff); byte++) bytes[byte] = 1
    }
    let tokens = 0
    for (let byte = 0; byte < 256; byte++) {
      if ((bytes[byte] === 1) !== isNegated) tokens += this.#between(byte, byte)
    }
    return { states: 1, tokens }
  }

  #between(low: number, high: number): number {
    return this.#prefix[high + 1] - this.#prefix[low]
  }
}

function isEmpty(parts: readonly Part[]): boolean {
  return parts.every((part) => part.kind === 'text' && part.literal === '')
}

function hasName(part: Part): boolean {
  switch (part.kind) {
    case 'name':
      return true
    case 'group':
      return part.alternatives.flat().some(hasName)
    case 'repeat':
      return hasName(part.part)
    default:
      return false
  }
}

function sum(costs: readonly Cost[]): Cost {
  return costs.reduce(
    (all, { states, tokens }) => ({ states: all.states + states, tokens: all.tokens + tokens }),
    NOTHING,
  )
}

function times({ states, tokens }: Cost, copies: number): Cost {
  return { states: states * copies, tokens: tokens * copies }
}

function tooLarge(why: string): GrammarError {
  return new GrammarError('grammar_too_large', `The grammar is too large to compile: ${why}.`)
}
