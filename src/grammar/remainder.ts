import { choice, EMPTY, type Expression, NEVER, type Rule, repeat, sequence, text } from './expression.ts'
import { GrammarError } from './grammar-error.ts'

/** Rules within rules that one character may lead through: one that begins with itself leads through for ever. */
const MAX_DEPTH = 500
/** Ways that a text may be read in at once. */
export const MAX_BRANCHES = 512

/**
 * What may follow a text that the expression begins with, by the derivatives of Brzozowski ("Derivatives of regular expressions", 1964),
 * which need no more than that no rule begins with itself. NEVER where no text that it matches begins so; undefined where it would take
 * too much to say.
 */
export function remainder(expression: Expression, begun: string): Expression | undefined {
  try {
    let rest = expression
    for (const character of begun) rest = after(rest, character.codePointAt(0)!)
    return rest
  } catch (error) {
    if (error instanceof TooMuch) return undefined
    throw error
  }
}

class TooMuch extends GrammarError {
  constructor() {
    super('grammar_too_large', 'The text so far can be read in too many ways of the grammar.')
  }
}

/** The same of one character; throws where it would take too much. @param depth of rules that led here. */
export function after(expression: Expression, code: number, depth = 0): Expression {
  switch (expression.kind) {
    case 'text':
      if (expression.text.codePointAt(0) !== code) return NEVER
      return behind(expression.text, code)
    case 'class':
      return expression.ranges.some(([first, last]) => first <= code && code <= last) ? EMPTY : NEVER
    case 'rule':
      if (depth === MAX_DEPTH) throw new TooMuch()
      return after(expression.rule.expression, code, depth + 1)
    case 'choice':
      return oneBranchEach(expression.branches.map((branch) => after(branch, code, depth)))
    case 'repeat': {
      const { part, min, max, isCounted } = expression
      if (max === 0) return NEVER
      const others = isCounted
        ? { ...expression, min: Math.max(0, min - 1), max: max - 1 }
        : repeat(part, Math.max(0, min - 1), max - 1)
      return then(after(part, code, depth), others)
    }
    case 'sequence': {
      const ways: Expression[] = []
      for (const [index, part] of expression.parts.entries()) {
        ways.push(then(after(part, code, depth), ...expression.parts.slice(index + 1)))
        if (!matchesEmpty(part)) break
      }
      return oneBranchEach(ways)
    }
  }
}

function behind(whole: string, code: number): Expression {
  const rest = whole.slice(code > 0xffff ? 2 : 1)
  return rest === '' ? EMPTY : text(rest)
}

function then(first: Expression, ...others: readonly Expression[]): Expression {
  if (first === NEVER || others.includes(NEVER)) return NEVER
  return sequence(...(first.kind === 'sequence' ? first.parts : [first]), ...others)
}

/** One text may be read in the same way twice, as white space that two parts allow: after some characters there would be thousands. */
function oneBranchEach(branches: readonly Expression[]): Expression {
  const some: Expression[] = []
  for (const branch of branches.flatMap((each) => (each.kind === 'choice' ? each.branches : [each]))) {
    if (!some.some((other) => same(other, branch))) some.push(branch)
  }
  if (some.length > MAX_BRANCHES) throw new TooMuch()
  return choice(...some)
}

/** Whether they are built alike; derivatives share the parts of what they come from. */
function same(a: Expression, b: Expression): boolean {
  if (a === b) return true
  switch (a.kind) {
    case 'text':
      return b.kind === 'text' && a.text === b.text
    case 'rule':
      return b.kind === 'rule' && a.rule === b.rule
    case 'repeat':
      return b.kind === 'repeat' && a.min === b.min && a.max === b.max && same(a.part, b.part)
    case 'sequence':
      return b.kind === 'sequence' && sameParts(a.parts, b.parts)
    case 'choice':
      return b.kind === 'choice' && sameParts(a.branches, b.branches)
    case 'class':
      return b.kind === 'class' && a.ranges === b.ranges
  }
}

function sameParts(a: readonly Expression[], b: readonly Expression[]): boolean {
  return a.length === b.length && a.every((part, index) => same(part, b[index]))
}

/** Whether it matches the empty text. @param within rules that are being looked at: through themselves they match no more. */
export function matchesEmpty(expression: Expression, within: ReadonlySet<Rule> = new Set()): boolean {
  switch (expression.kind) {
    case 'text':
      return expression.text === ''
    case 'class':
      return false
    case 'rule':
      return (
        !within.has(expression.rule) && matchesEmpty(expression.rule.expression, new Set([...within, expression.rule]))
      )
    case 'sequence':
      return expression.parts.every((part) => matchesEmpty(part, within))
    case 'choice':
      return expression.branches.some((branch) => matchesEmpty(branch, within))
    case 'repeat':
      return expression.min === 0 || matchesEmpty(expression.part, within)
  }
}
