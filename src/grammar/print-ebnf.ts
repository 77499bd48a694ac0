import type { Expression, Rule } from './expression.ts'
import { type Dialect, escaped, printClass, printLooseClass } from './print-class.ts'

/**
 * EBNF of an expression, beginning at `root`; undefined where no text matches it. Parts that no text matches are left out, as what
 * calls itself without an end: a matcher would follow them and then have no token to allow.
 */
export function printEbnf(root: Expression, dialect: Dialect = 'xgrammar'): string | undefined {
  const rules = rulesOf(root)
  const productive = productiveRules(rules)
  if (!isProductive(root, productive)) return undefined
  return new Printer(rules, productive, dialect).print(root)
}

const MAX_CLASS_LENGTH = 500
/** Of a part that is repeated a fixed number of times. */
const MAX_COPIES = 64

/**
 * XGrammar (0.1.27) knows of a token beforehand only as far as its bytes stay within one rule; what crosses the end of a rule is tried out for each
 * mask, which takes half a second where that are most tokens. So a repetition is printed as a rule that has what follows it as well:
 * `a* b` is r ::= b | a r.
 */
class Printer {
  readonly #productive: ReadonlySet<Rule>
  readonly #dialect: Dialect
  readonly #names: ReadonlyMap<Rule, string>
  readonly #lines: string[] = []
  readonly #classes = new Map<string, string>()
  #repetitions = 0

  constructor(rules: ReadonlySet<Rule>, productive: ReadonlySet<Rule>, dialect: Dialect) {
    this.#productive = productive
    this.#dialect = dialect
    const printed = [...rules].filter((rule) => productive.has(rule))
    this.#names = new Map(printed.map((rule, index) => [rule, `r${index}`]))
  }

  print(root: Expression): string {
    this.#lines.push(`root ::= ${this.#print(root)}`)
    for (const [rule, name] of this.#names) this.#lines.push(`${name} ::= ${this.#print(rule.expression)}`)
    return this.#lines.join('\n')
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
    if (!this.#classes.has(printed)) this.#lines.push(`${name} ::= ${printed}`)
    this.#classes.set(printed, name)
    return name
  }

  #branches(branches: readonly Expression[]): Expression[] {
    return branches.filter((branch) => isProductive(branch, this.#productive))
  }

  #sequence(parts: readonly Expression[]): string {
    const printed: string[] = []
    for (const [index, part] of parts.entries()) {
      if (part.kind !== 'repeat') {
        printed.push(this.#print(part))
      } else if (!isProductive(part.part, this.#productive)) {
      } else if (part.min === part.max && part.max <= MAX_COPIES) {
        for (let count = 0; count < part.max; count++) printed.push(this.#print(part.part))
      } else if (ofCharacters(part.part) && part.max > 1) {
        return `(${[...printed, this.#repetition(part, parts.slice(index + 1))].join(' ')})`
      } else {
        printed.push(`${this.#print(part.part)}${quantifier(part)}`)
      }
    }
    return printed.length === 0 ? '""' : `(${printed.join(' ')})`
  }

  /** A repetition and what follows it: a reference to the first of its rules. */
  #repetition({ part, min, max }: Extract<Expression, { kind: 'repeat' }>, rest: readonly Expression[]): string {
    const name = (count: number) => `${prefix}-${count}`
    const prefix = `s${this.#repetitions++}`
    const following = `${prefix}-end`
    this.#lines.push(`${following} ::= ${this.#sequence(rest)}`)
    const end = rest.length === 1 && rest[0].kind === 'text' ? this.#print(rest[0]) : following
    const last = max === Infinity ? min : max
    for (let count = 0; count < last; count++) {
      this.#lines.push(`${name(count)} ::= ${count >= min ? `${end} | ` : ''}${this.#print(part)} ${name(count + 1)}`)
    }
    this.#lines.push(`${name(last)} ::= ${max === Infinity ? this.#unbounded(part, end, name(last)) : end}`)
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
