import type { Expression, Rule } from './expression.ts'
import { type Dialect, escaped, printClass } from './print-class.ts'

/**
 * EBNF of an expression, beginning at `root`; undefined where no text matches it. Parts that no text matches are left out, as what
 * calls itself without an end: a matcher would follow them and then have no token to allow.
 */
export function printEbnf(root: Expression, dialect: Dialect = 'xgrammar'): string | undefined {
  const rules = rulesOf(root)
  const productive = productiveRules(rules)
  const matches = (expression: Expression) => isProductive(expression, productive)
  if (!matches(root)) return undefined
  const names = new Map([...rules].filter((rule) => productive.has(rule)).map((rule, index) => [rule, `r${index}`]))
  const print = (expression: Expression): string => {
    switch (expression.kind) {
      case 'text':
        return `"${Array.from(expression.text, (character) => escaped(character.codePointAt(0)!)).join('')}"`
      case 'class':
        return printClass(expression.ranges, dialect)
      case 'rule':
        return names.get(expression.rule)!
      case 'sequence':
        return `(${expression.parts.map(print).join(' ')})`
      case 'choice':
        return `(${expression.branches.filter(matches).map(print).join(' | ')})`
      case 'repeat':
        return matches(expression.part) ? `${print(expression.part)}${quantifier(expression)}` : '""'
    }
  }
  const lines = Array.from(names, ([rule, name]) => `${name} ::= ${print(rule.expression)}`)
  return [`root ::= ${print(root)}`, ...lines].join('\n')
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
