import { EBNF_TOKEN } from './ebnf-tokens.ts'
import { GrammarError } from './grammar-error.ts'

const MAX_DEPTH = 200
/** Copies of a repeated part that XGrammar (0.1.27) makes at most: two of 128. */
const MAX_COPIES = 256

/** A part of a grammar in EBNF as it is written; literals are without their quotes or brackets. */
export type Part =
  | { readonly kind: 'text' | 'class'; readonly literal: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'group'; readonly alternatives: Alternatives }
  /** `sign`: + * ? or {; `most` is Infinity where it has no end. */
  | {
      readonly kind: 'repeat'
      readonly part: Part
      readonly sign: string
      readonly least: number
      readonly most: number
    }

export type Alternatives = readonly (readonly Part[])[]

const BOUNDS: Readonly<Record<string, readonly [number, number]>> = {
  '+': [1, Infinity],
  '*': [0, Infinity],
  '?': [0, 1],
}

/** The rules of a grammar by name. Faults of syntax are left to XGrammar's own parser. Throws GrammarError. */
export function ebnfRules(ebnf: string): Map<string, Alternatives> {
  const rules = new Map<string, Alternatives>()
  /** Of the groups that are open, the rule's own first. */
  let open: Part[][][] = []
  const take = (part: Part) => open.at(-1)?.at(-1)?.push(part)
  for (const { groups } of ebnf.matchAll(EBNF_TOKEN)) {
    const { definition, name, string, class: set, least, most, sign } = groups!
    if (definition !== undefined) {
      open = [[[]]]
      rules.set(definition, open[0])
    } else if (name !== undefined) take({ kind: 'name', name })
    else if (string !== undefined) take({ kind: 'text', literal: string })
    else if (set !== undefined) take({ kind: 'class', literal: set })
    else if (least !== undefined) {
      repeatLast(open, '{', Number(least), most === undefined ? Number(least) : most === '' ? Infinity : Number(most))
    } else if (sign === '|') open.at(-1)?.push([])
    else if (sign === '(') {
      if (open.length > MAX_DEPTH) {
        throw new GrammarError(
          'grammar_too_large',
          'The grammar is too large to compile: its groups are nested too deep.',
        )
      }
      if (open.length > 0) open.push([[]])
    } else if (sign === ')') {
      if (open.length > 1) take({ kind: 'group', alternatives: open.pop()! })
    } else if (sign !== undefined) repeatLast(open, sign, ...BOUNDS[sign])
  }
  return rules
}

function repeatLast(open: readonly Part[][][], sign: string, least: number, most: number): void {
  const sequence = open.at(-1)?.at(-1)
  const part = sequence?.pop()
  if (part) sequence!.push({ kind: 'repeat', part, sign, least, most })
}

/** How often XGrammar writes a part out. */
export function copiesOf({ sign, least, most }: Extract<Part, { kind: 'repeat' }>): number {
  if (sign !== '{') return sign === '+' ? 2 : 1
  return Math.min(Math.max(least, most === Infinity ? least + 1 : most, 1), MAX_COPIES)
}
