import { type Alternatives, copiesOf, type Part } from './ebnf-rules.ts'
import { unescaped } from './ebnf-tokens.ts'
import { GrammarError } from './grammar-error.ts'

/** Rules that begin with one another. */
const MAX_DEPTH = 1000
/** As `\U0001F600`. */
const LONGEST_ESCAPE = 10

interface WaysToGoOn {
  /**
   * The most that the grammar may go on with at any place of its rules, each character class or text as often as there are ways to come to it:
   * a ::= b b has two where b may be empty, and each rule in between doubles them. XGrammar (0.1.27) follows all of them for each token that it has
   * to try. Texts that are all of an alternative, and begin alike, are one to it.
   */
  readonly most: number
  /** Of every part of a sequence the parts that may follow at once, all together: `"a"? "b"? "c"?` has three. */
  readonly links: number
}

/** Throws GrammarError. @param weightOf a text or class. */
export function waysToGoOn(rules: ReadonlyMap<string, Alternatives>, weightOf: (part: Part) => number): WaysToGoOn {
  const nullable = nullableRules(rules)
  const known = new Map<string, number>()
  let most = 0
  let links = 0
  const ofRule = (name: string, depth: number): number => {
    const before = known.get(name)
    if (before !== undefined) return before
    if (depth > MAX_DEPTH) {
      throw new GrammarError(
        'grammar_too_large',
        'The grammar is too large to compile: too many rules begin with one another.',
      )
    }
    // What begins with itself comes to no other place.
    known.set(name, 0)
    const ways = ofAlternatives(rules.get(name) ?? [], depth)
    known.set(name, ways)
    return ways
  }
  const ofAlternatives = (alternatives: Alternatives, depth: number): number => {
    let ways = 0
    const begun = new Set<string>()
    for (const parts of alternatives) {
      let following = 0
      let next = 0
      for (const part of parts.toReversed()) {
        const isEmpty = mayBeEmpty(part, nullable)
        links += next
        next = 1 + (isEmpty ? next : 0)
        following = ofPart(part, depth) + (isEmpty ? following : 0)
        most = Math.max(most, following)
      }
      const [text] = parts.length === 1 && parts[0].kind === 'text' ? [parts[0].literal] : []
      const start = text === undefined ? undefined : unescaped(text.slice(0, LONGEST_ESCAPE))[0]
      if (start === undefined || !begun.has(start)) ways += following
      if (start !== undefined) begun.add(start)
    }
    return ways
  }
  /** Copies of what may be empty are all come to at once. */
  const copiesInTurn = (repeat: Extract<Part, { kind: 'repeat' }>): number => {
    if (!mayBeEmpty(repeat.part, nullable)) return 1
    const copies = copiesOf(repeat)
    links += (copies * (copies - 1)) / 2
    return copies
  }
  const ofPart = (part: Part, depth: number): number => {
    switch (part.kind) {
      case 'name':
        return ofRule(part.name, depth + 1)
      case 'group':
        return ofAlternatives(part.alternatives, depth)
      case 'repeat':
        return ofPart(part.part, depth) * copiesInTurn(part)
      default:
        return weightOf(part)
    }
  }
  for (const name of rules.keys()) most = Math.max(most, ofRule(name, 0))
  return { most, links }
}

/** Rules that match the empty text: those found so far make more of them so. */
function nullableRules(rules: ReadonlyMap<string, Alternatives>): Set<string> {
  const users = new Map<string, string[]>()
  for (const [user, alternatives] of rules) {
    for (const name of new Set(namesIn(alternatives))) {
      const known = users.get(name)
      if (known) known.push(user)
      else users.set(name, [user])
    }
  }
  const nullable = new Set<string>()
  const open = [...rules.keys()]
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (nullable.has(name) || !someEmpty(rules.get(name)!, nullable)) continue
    nullable.add(name)
    open.push(...(users.get(name) ?? []))
  }
  return nullable
}

function someEmpty(alternatives: Alternatives, nullable: ReadonlySet<string>): boolean {
  return alternatives.some((parts) => parts.every((part) => mayBeEmpty(part, nullable)))
}

function mayBeEmpty(part: Part, nullable: ReadonlySet<string>): boolean {
  switch (part.kind) {
    case 'text':
      return part.literal === ''
    case 'class':
      return false
    case 'name':
      return nullable.has(part.name)
    case 'group':
      return someEmpty(part.alternatives, nullable)
    case 'repeat':
      return part.least === 0 || mayBeEmpty(part.part, nullable)
  }
}

function namesIn(alternatives: Alternatives): string[] {
  return alternatives.flat().flatMap((part) => {
    switch (part.kind) {
      case 'name':
        return [part.name]
      case 'group':
        return namesIn(part.alternatives)
      case 'repeat':
        return namesIn([[part.part]])
      default:
        return []
    }
  })
}
