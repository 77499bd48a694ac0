import { type AST, RegExpParser } from '@eslint-community/regexpp'
import { codePointsOf, complement, union } from './code-points.ts'
import { choice, EMPTY, type Expression, type Range, repeat, sequence } from './expression.ts'
import { GrammarError } from './grammar-error.ts'

/** Characters of a pattern; what it repeats is bounded by the cost of the grammar. */
const MAX_LENGTH = 4000
const MAX_DEPTH = 50
/** XGrammar's texts end at it. */
const NUL: Range = [0, 0]

export interface RegexOptions {
  /** How one character of a set is written. */
  readonly spell: (ranges: readonly Range[]) => Expression
  /** true: the pattern is the whole text, as for guided decoding. false: it is found somewhere in it, as in JSON Schema. */
  readonly isWhole: boolean
}

/** The texts of a regular expression, which is read as ECMAScript with the flag u. Throws GrammarError. */
export function regexExpression(pattern: string, options: RegexOptions): Expression {
  if (pattern.length > MAX_LENGTH) {
    throw new GrammarError('grammar_too_large', `A regular expression may have ${MAX_LENGTH} characters.`)
  }
  return new RegexReader(options).pattern(parsed(pattern))
}

function parsed(pattern: string): AST.Pattern {
  try {
    return new RegExpParser().parsePattern(pattern, 0, pattern.length, { unicode: true })
  } catch (unicode) {
    try {
      // Escapes that the flag u forbids, as `\-`, are common.
      return new RegExpParser().parsePattern(pattern)
    } catch {
      const { message } = unicode as Error
      throw new GrammarError('invalid_grammar', message, '', { cause: unicode })
    }
  }
}

class RegexReader {
  readonly #spell: RegexOptions['spell']
  readonly #isWhole: boolean
  readonly #anything: Expression
  #depth = 0

  constructor({ spell, isWhole }: RegexOptions) {
    this.#spell = spell
    this.#isWhole = isWhole
    this.#anything = repeat(spell(complement([NUL])), 0, Infinity)
  }

  pattern({ alternatives }: AST.Pattern): Expression {
    return choice(...alternatives.map((alternative) => this.#alternative(alternative, true, true)))
  }

  /** `starts`, `ends`: nothing of the pattern stands before it, or behind it. */
  #alternative({ elements }: AST.Alternative, starts: boolean, ends: boolean): Expression {
    if (++this.#depth > MAX_DEPTH) throw tooDeep()
    const from = elements.findIndex((element) => !isEdge(element, 'start'))
    const first = from < 0 ? elements.length : from
    const to = elements.findLastIndex((element) => !isEdge(element, 'end'))
    const last = Math.max(to, first - 1)
    if ((first > 0 && !starts) || (last < elements.length - 1 && !ends))
      throw unsupported('an anchor inside of a pattern')
    const inner = elements.slice(first, last + 1)
    const [before, after] = [starts && first === 0, ends && last === elements.length - 1]
    const [only] = inner
    const made =
      inner.length === 1 && isGroup(only)
        ? // Its own alternatives may be anchored, each for itself.
          choice(...only.alternatives.map((part) => this.#alternative(part, before, after)))
        : this.#open(sequence(...inner.map((element) => this.#element(element))), before, after)
    this.#depth--
    return made
  }

  /** With whatever may stand around it. */
  #open(expression: Expression, before: boolean, after: boolean): Expression {
    if (this.#isWhole) return expression
    return sequence(before ? this.#anything : EMPTY, expression, after ? this.#anything : EMPTY)
  }

  #element(element: AST.Element): Expression {
    switch (element.type) {
      case 'Character':
      case 'CharacterSet':
      case 'CharacterClass':
        return this.#spell(complement([...complement(rangesOf(element)), NUL]))
      case 'Group':
      case 'CapturingGroup':
        if (!isGroup(element)) throw unsupported((element as AST.Group).raw)
        return choice(...element.alternatives.map((part) => this.#alternative(part, false, false)))
      case 'Quantifier':
        return this.#quantifier(element)
      default:
        throw unsupported(element.raw)
    }
  }

  #quantifier({ element, min, max, raw }: AST.Quantifier): Expression {
    if (element.type === 'Assertion') throw unsupported(raw)
    return repeat(this.#element(element), min, max)
  }
}

function isEdge(element: AST.Element, kind: 'start' | 'end'): boolean {
  return element.type === 'Assertion' && element.kind === kind
}

/** Flags for a part of a pattern are not read. */
function isGroup(element: AST.Element): element is AST.Group | AST.CapturingGroup {
  return element.type === 'CapturingGroup' || (element.type === 'Group' && element.modifiers === null)
}

function rangesOf(element: AST.ClassRangesCharacterClassElement | AST.CharacterClass | AST.CharacterSet): Range[] {
  switch (element.type) {
    case 'Character':
      return [[element.value, element.value]]
    case 'CharacterClassRange':
      return [[element.min.value, element.max.value]]
    case 'CharacterClass': {
      const ranges = union(element.elements.flatMap((part) => rangesOf(part as AST.ClassRangesCharacterClassElement)))
      return element.negate ? complement(ranges) : ranges
    }
    case 'CharacterSet':
      return sets(element.raw)
  }
}

const known = new Map<string, Range[]>()

/** Of `.`, `\d`, `\p{L}` and the like. */
function sets(raw: string): Range[] {
  const ranges = known.get(raw) ?? codePointsOf(raw)
  // There are some hundred of them.
  known.set(raw, ranges)
  return ranges
}

function unsupported(part: string): GrammarError {
  return new GrammarError(
    'invalid_grammar',
    `${part} cannot be used: look-around, back references, word boundaries and anchors inside of a pattern are not supported.`,
  )
}

function tooDeep(): GrammarError {
  return new GrammarError('grammar_too_large', `A regular expression may nest ${MAX_DEPTH} deep.`)
}
