import { type Alternatives, copiesOf, ebnfRules, type Part } from './ebnf-rules.ts'
import { classOf, unescaped } from './ebnf-tokens.ts'
import { GrammarError } from './grammar-error.ts'
import { waysToGoOn } from './ways-to-go-on.ts'

/** States of a grammar, a byte of a text each: they take memory. */
const MAX_STATES = 50_000
/** Tokens that a byte within a text is tried with: what fails with its next one leaves out all that begin alike. */
const MAX_WITHIN = 64
/** Characters of a class that take as much memory as a state. */
const PER_STATE = 2
/** Tokens that one mask may have to try, each as often as there are ways to come to it: 0.3 µs each on a 2.4 GHz core. */
const MAX_TRIED = 1_000_000
/** Parts that each part of the grammar may lead to, over those that may be empty: 2 to 20 µs each to compile, by the size of the vocabulary. */
const MAX_LINKS = 100_000

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
 * GrammarError where texts and repetitions come to too much, or rules that may be empty lead to the same place in too many ways.
 *
 * @param firstBytes tokens that begin with each byte.
 * @returns tokens that are walked over.
 */
export function compileCost(ebnf: string, firstBytes: Uint32Array): number {
  const rules = ebnfRules(ebnf)
  const costs = new EbnfCosts(rules, firstBytes)
  const { states, tokens } = sum(Array.from(rules.values(), (alternatives) => costs.ofAlternatives(alternatives)))
  if (states > MAX_STATES) throw tooLarge(tooManyStates(states))
  const { most, links } = waysToGoOn(rules, (part) => costs.tokensAt(part))
  if (most > MAX_TRIED || links > MAX_LINKS) {
    throw tooLarge('its rules may be empty in too many ways, so that one text can be read in all of them')
  }
  return tokens
}

class EbnfCosts {
  readonly #firstBytes: Uint32Array
  /** What is copied to where a sequence begins with its name. */
  readonly #copied = new Map<string, Cost>()

  constructor(rules: ReadonlyMap<string, Alternatives>, firstBytes: Uint32Array) {
    this.#firstBytes = firstBytes
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
        if (cost.states > MAX_STATES) throw tooLarge(tooManyStates(cost.states))
        return cost
      }
    }
  }

  /** Tokens that a text or class may begin with. */
  tokensAt(part: Part): number {
    if (part.kind !== 'text') return this.ofPart(part, true).tokens
    const [first] = bytesOf(part.literal)
    return first === undefined ? 0 : this.#of(first)
  }

  #ofText(literal: string): Cost {
    const bytes = bytesOf(literal)
    let tokens = 0
    // What follows the last byte of a text may go on with all tokens that begin with it.
    for (const [index, byte] of bytes.entries()) {
      tokens += index === bytes.length - 1 ? this.#of(byte) : Math.min(this.#of(byte), MAX_WITHIN)
    }
    return { states: bytes.length, tokens }
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
      if ((bytes[byte] === 1) !== isNegated) tokens += this.#of(byte)
    }
    return { states: 1 + Math.floor(ranges.length / PER_STATE), tokens }
  }

  #of(byte: number): number {
    return this.#firstBytes[byte]
  }
}

function bytesOf(literal: string): Uint8Array {
  return new TextEncoder().encode(unescaped(literal))
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

function tooManyStates(states: number): string {
  return (
    `its texts and repetitions take ${states} states, one for each byte at least, and may take ${MAX_STATES}. ` +
    'Shorten what it lists, or lower the bounds of its repetitions'
  )
}

function tooLarge(why: string): GrammarError {
  return new GrammarError('grammar_too_large', `The grammar is too large to compile: ${why}.`)
}
