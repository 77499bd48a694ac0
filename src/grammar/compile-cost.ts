import { classOf, EBNF_TOKEN, unescaped } from './ebnf-tokens.ts'
import { GrammarError } from './grammar-error.ts'

/** Copies of a repeated part that XGrammar (0.1.27) makes at most: two of 128. */
const MAX_COPIES = 256
/** States of a grammar: each takes memory. */
const MAX_STATES = 50_000
const MAX_DEPTH = 200

interface Cost {
  readonly states: number
  /** Tokens that the compiler walks over. */
  readonly tokens: number
}

const FREE: Cost = { states: 1, tokens: 0 }
const NOTHING: Cost = { states: 0, tokens: 0 }

/**
 * About what it takes to compile a grammar in EBNF: for every state the compiler walks over the tokens that begin as the state can go on.
 * Nothing can stop it once it runs, so that this is asked first. Faults of syntax are left to XGrammar's own parser. Throws GrammarError
 * where nested repetitions alone come to too much.
 *
 * @param firstBytes tokens that begin with each byte.
 * @returns tokens that are walked over.
 */
export function compileCost(ebnf: string, firstBytes: Uint32Array): number {
  const prefix = new Float64Array(257)
  for (let byte = 0; byte < 256; byte++) prefix[byte + 1] = prefix[byte] + firstBytes[byte]
  const first = new EbnfCost(ebnf, prefix, new Map())
  // Rules that refer to no other are copied to where they stand.
  const second = new EbnfCost(ebnf, prefix, new Map([...first.rules].filter(([name]) => !first.referring.has(name))))
  return [...second.rules.values()].reduce((sum, { tokens }) => sum + tokens, 0)
}

/** One reading of a grammar. */
class EbnfCost {
  readonly rules = new Map<string, Cost>()
  /** Names of rules that refer to others. */
  readonly referring = new Set<string>()
  readonly #tokens: Iterator<RegExpExecArray>
  readonly #prefix: Float64Array
  readonly #leaves: ReadonlyMap<string, Cost>
  #states = 0

  constructor(ebnf: string, prefix: Float64Array, leaves: ReadonlyMap<string, Cost>) {
    this.#prefix = prefix
    this.#leaves = leaves
    this.#tokens = ebnf.matchAll(EBNF_TOKEN)
    this.#readRules()
  }

  #readRules(): void {
    /** Of the groups that are open, the rule's own first: what stands in them before the last item, and that. */
    let open: { done: Cost; last: Cost }[] = []
    let rule: string | undefined
    const endRule = () => {
      while (open.length > 1) closeGroup()
      if (rule !== undefined && open.length === 1) this.rules.set(rule, add(open[0].done, open[0].last))
    }
    const closeGroup = () => {
      const { done, last } = open.pop()!
      push(add(done, last))
    }
    const push = (cost: Cost) => {
      const group = open.at(-1)
      if (!group) return
      group.done = add(group.done, group.last)
      group.last = cost
    }
    for (let step = this.#tokens.next(); !step.done; step = this.#tokens.next()) {
      const { definition, name, string, class: set, least, most, sign } = step.value.groups!
      if (definition !== undefined) {
        endRule()
        rule = definition
        open = [{ done: NOTHING, last: NOTHING }]
      } else if (name !== undefined) {
        if (rule !== undefined) this.referring.add(rule)
        push(this.#leaves.get(name) ?? FREE)
      } else if (string !== undefined) {
        push(this.#ofText(string))
      } else if (set !== undefined) {
        push(this.#ofClass(set))
      } else if (sign === '(') {
        if (open.length > MAX_DEPTH) throw tooLarge('its groups are nested too deep')
        open.push({ done: NOTHING, last: NOTHING })
      } else if (sign === ')') {
        if (open.length > 1) closeGroup()
      } else if (open.length > 0 && (least !== undefined || sign === '+')) {
        const copies = sign === '+' ? 2 : Math.max(Number(least), most === undefined ? 0 : Number(most || least) + 1)
        const group = open.at(-1)!
        group.last = times(group.last, Math.min(Math.max(copies, 1), MAX_COPIES))
        this.#check(group.last)
      }
    }
    endRule()
    for (const cost of this.rules.values()) this.#states += cost.states
    if (this.#states > MAX_STATES) throw tooLarge('its repetitions are too many')
  }

  #check({ states }: Cost): void {
    if (states > MAX_STATES) throw tooLarge('its repetitions are too many')
  }

  #ofText(literal: string): Cost {
    const bytes = new TextEncoder().encode(unescaped(literal))
    return bytes.reduce((sum, byte) => add(sum, { states: 1, tokens: this.#between(byte, byte) }), NOTHING)
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

function add(a: Cost, b: Cost): Cost {
  return { states: a.states + b.states, tokens: a.tokens + b.tokens }
}

function times({ states, tokens }: Cost, copies: number): Cost {
  return { states: states * copies, tokens: tokens * copies }
}

function tooLarge(why: string): GrammarError {
  return new GrammarError('grammar_too_large', `The grammar is too large to compile: ${why}.`)
}
