import type { Expression, Place, Rule } from './expression.ts'
import { GrammarError } from './grammar-error.ts'
import { type Dialect, escaped, printClass, printLooseClass } from './print-class.ts'
import { MAX_BRANCHES } from './remainder.ts'
import { MAX_HELD } from './token-lengths.ts'

/**
 * EBNF of an expression, beginning at `root`; undefined where no text matches it. Parts that no text matches are left out, as what
 * calls itself without an end: a matcher would follow them and then have no token to allow.
 *
 * @param leavesCounts strings may come out longer or shorter than they should be: CountedText holds them.
 */
export function printEbnf(root: Expression, dialect: Dialect = 'xgrammar', leavesCounts = false): string | undefined {
  const rules = rulesOf(root)
  const productive = productiveRules(rules)
  if (!isProductive(root, productive)) return undefined
  return new Printer(rules, productive, dialect, leavesCounts).print(root)
}

const MAX_CLASS_LENGTH = 500
/** Characters of a grammar in EBNF. */
export const MAX_LENGTH = 200_000
/** Of a part that is repeated a fixed number of times. */
const MAX_COPIES = 64

/**
 * XGrammar (0.1.27) knows of a token beforehand only as far as its bytes stay within one rule; what crosses the end of a rule is tried out for each
 * mask, which takes half a second where that are most tokens. So a repetition is printed as a rule that has what follows it as well:
 * `a* b` is r ::= b | a r. llama.cpp reads a repetition as it stands.
 */
class Printer {
  readonly #dialect: Dialect
  readonly #leavesCounts: boolean
  readonly #productive: ReadonlySet<Rule>
  readonly #names: ReadonlyMap<Rule, string>
  readonly #lines: string[] = []
  readonly #classes = new Map<string, string>()
  #repetitions = 0
  #length = 0
  /** What is being printed. */
  #place: Place | undefined
  #hasUncounted = false

  constructor(rules: ReadonlySet<Rule>, productive: ReadonlySet<Rule>, dialect: Dialect, leavesCounts: boolean) {
    this.#dialect = dialect
    this.#leavesCounts = leavesCounts
    this.#productive = productive
    const printed = [...rules].filter((rule) => productive.has(rule))
    this.#names = new Map(printed.map((rule, index) => [rule, `r${index}`]))
  }

  print(root: Expression): string {
    this.#add(`root ::= ${this.#print(root)}`)
    for (const [rule, name] of this.#names) {
      this.#place = rule.place ?? this.#place
      this.#add(`${name} ::= ${this.#print(rule.expression)}`)
    }
    return this.#lines.join('\n')
  }

  #add(line: string): void {
    this.#lines.push(line)
    this.#length += line.length + 1
    if (this.#length > MAX_LENGTH) throw tooLong(this.#place)
  }

  #print(expression: Expression): string {
    switch (expression.kind) {
      case 'text':
        return `"${Array.from(expression.text, (character) => escaped(character.codePointAt(0)!)).join('')}"`
      case 'class':
        return this.#class(printClass(expression.ranges, this.#dialect))
      case 'rule':
        return this.#names.get(expression.rule)!
      case 'sequence':
        return this.#sequence(flat(expression.parts))
      case 'choice':
        return `(${this.#branches(expression.branches)
          .map((branch) => this.#print(branch))
          .join(' | ')})`
      case 'repeat':
        return this.#sequence([expression])
    }
  }

  /** Long ones, as \p{L}, are printed once. */
  #class(printed: string): string {
    if (printed.length <= MAX_CLASS_LENGTH) return printed
    const name = this.#classes.get(printed) ?? `c${this.#classes.size}`
    if (!this.#classes.has(printed)) this.#add(`${name} ::= ${printed}`)
    this.#classes.set(printed, name)
    return name
  }

  #branches(branches: readonly Expression[]): Expression[] {
    return branches.filter((branch) => isProductive(branch, this.#productive))
  }

  #sequence(parts: readonly Expression[]): string {
    const printed: string[] = []
    for (const [index, part] of parts.entries()) {
      if (this.#leavesCounts && isLeft(part)) {
        printed.push(ofItems(part) ? `${this.#print(part.part)}*` : this.#uncounted(part))
      } else if (part.kind !== 'repeat') {
        printed.push(this.#print(part))
      } else if (part.max === 0 || !isProductive(part.part, this.#productive)) {
      } else if (this.#dialect === 'gbnf') {
        printed.push(`${this.#print(part.part)}${quantifier(part)}`)
      } else if (part.min === part.max && part.max <= MAX_COPIES) {
        for (let count = 0; count < part.max; count++) printed.push(this.#print(part.part))
      } else if (ofCharacters(part.part) && part.max > 1 && !isLong(part)) {
        return `(${[...printed, this.#repetition(part, parts.slice(index + 1))].join(' ')})`
      } else {
        printed.push(`${this.#print(part.part)}${quantifier(part)}`)
      }
    }
    return printed.length === 0 ? '""' : `(${printed.join(' ')})`
  }

  /** Of all strings that are counted beside the grammar one rule is enough. */
  #uncounted({ part }: Repeat): string {
    const name = 'uncounted'
    if (!this.#hasUncounted) this.#add(`${name} ::= ${this.#print({ kind: 'repeat', part, min: 0, max: Infinity })}`)
    this.#hasUncounted = true
    return name
  }

  /** A repetition and what follows it: a reference to the first of its rules. */
  #repetition({ part, min, max }: Repeat, rest: readonly Expression[]): string {
    const name = (count: number) => `${prefix}_${count}`
    const prefix = `s${this.#repetitions++}`
    const following = `${prefix}_end`
    this.#add(`${following} ::= ${this.#sequence(rest)}`)
    const end = rest.length === 1 && rest[0].kind === 'text' ? this.#print(rest[0]) : following
    const last = max === Infinity ? min : max
    for (let count = 0; count < last; count++) {
      this.#add(`${name(count)} ::= ${count >= min ? `${end} | ` : ''}${this.#print(part)} ${name(count + 1)}`)
    }
    this.#add(`${name(last)} ::= ${max === Infinity ? this.#unbounded(part, end, name(last)) : end}`)
    return name(0)
  }

  /** Characters of one class are a state of their own, the fastest there is. */
  #unbounded(part: Expression, end: string, self: string): string {
    const branches = this.#branches(part.kind === 'choice' ? part.branches : [part])
    const single = branches.find((branch) => branch.kind === 'class' && printLooseClass(branch.ranges) !== undefined)
    const others = branches.filter((branch) => branch !== single).map((branch) => `${this.#print(branch)} ${self}`)
    const ways = [end, ...others].join(' | ')
    return single?.kind === 'class' ? `${printLooseClass(single.ranges)}* (${ways})` : ways
  }
}

/** Whether a grammar that leaves counts leaves these: it holds the shortest itself. */
function isLeft(part: Expression): part is Repeat {
  return part.kind === 'repeat' && part.isCounted === true && largest(part) > (ofItems(part) ? MAX_COPIES : MAX_HELD)
}

type Repeat = Extract<Expression, { kind: 'repeat' }>

function ofItems({ part }: Repeat): boolean {
  return part.kind !== 'class'
}

/** Who holds its count itself has better ways than a rule for each. */
function isLong(part: Repeat): boolean {
  return part.isCounted === true && largest(part) > MAX_COPIES
}

function largest({ min, max }: Repeat): number {
  return max === Infinity ? min : max
}

/** What a grammar does not hold itself. */
export interface CountsLeft {
  /** That there are enough characters, beside that there are not too many. */
  readonly mayBeShort: boolean
  /** The items of arrays, beside the characters of strings. */
  readonly items: boolean
}

/** Of strings that are printed without their counts; undefined: there are none, or to follow them would take too much. */
export function countsLeft(root: Expression): CountsLeft | undefined {
  const left: Repeat[] = []
  let widest = 0
  const visit = (expression: Expression): void => {
    if (expression.kind === 'choice') widest = Math.max(widest, expression.branches.length)
    if (isLeft(expression)) left.push(expression)
    for (const part of partsOf(expression)) visit(part)
  }
  visit(root)
  for (const { expression } of rulesOf(root)) visit(expression)
  if (left.length === 0 || widest > MAX_BRANCHES) return undefined
  return { mayBeShort: left.some(({ min }) => min > 0), items: left.some(ofItems) }
}

/** The rules that a schema's keywords were made into, those within others last. */
export function placedRules(root: Expression): Rule[] {
  return [...rulesOf(root)].filter(({ place }) => place !== undefined)
}

function tooLong(place: Place | undefined): GrammarError {
  const message = `The grammar is too large: it takes more than ${MAX_LENGTH} characters.`
  return new GrammarError('grammar_too_large', `${message}${place ? largestAt(place) : ''}`, place?.path)
}

/** Names the keyword of a schema that a grammar is too large for. */
export function largestAt({ keyword, path }: Place): string {
  return ` Lower what '${keyword}' ${path === '' ? 'at the root of the schema' : `at ${path}`} asks for, which takes most.`
}

/** Nested sequences are one, so that what follows a repetition is seen. */
function flat(parts: readonly Expression[]): Expression[] {
  return parts.flatMap((part) => (part.kind === 'sequence' ? flat(part.parts) : [part]))
}

/** Whether an expression has no rule in it, and may begin with many tokens. */
function ofCharacters(expression: Expression): boolean {
  switch (expression.kind) {
    case 'class':
      return true
    case 'text':
      return true
    case 'rule':
      return false
    default:
      return partsOf(expression).every(ofCharacters)
  }
}

function rulesOf(root: Expression): Set<Rule> {
  const rules = new Set<Rule>()
  const visit = (expression: Expression): void => {
    if (expression.kind === 'rule' && !rules.has(expression.rule)) {
      rules.add(expression.rule)
      visit(expression.rule.expression)
    }
    for (const part of partsOf(expression)) visit(part)
  }
  visit(root)
  return rules
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'sequence':
      return expression.parts
    case 'choice':
      return expression.branches
    case 'repeat':
      return [expression.part]
    default:
      return []
  }
}

/** The rules that some text matches: those found so far make more of them so. */
function productiveRules(rules: ReadonlySet<Rule>): Set<Rule> {
  const productive = new Set<Rule>()
  for (let before = -1; before < productive.size; ) {
    before = productive.size
    for (const rule of rules) if (isProductive(rule.expression, productive)) productive.add(rule)
  }
  return productive
}

function isProductive(expression: Expression, productive: ReadonlySet<Rule>): boolean {
  const recur = (part: Expression) => isProductive(part, productive)
  switch (expression.kind) {
    case 'rule':
      return productive.has(expression.rule)
    case 'sequence':
      return expression.parts.every(recur)
    case 'choice':
      return expression.branches.some(recur)
    case 'repeat':
      return expression.min === 0 || recur(expression.part)
    default:
      return true
  }
}

function quantifier({ min, max }: { readonly min: number; readonly max: number }): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`
  return min === 0 && max === 1 ? '?' : `{${min},${max}}`
}
