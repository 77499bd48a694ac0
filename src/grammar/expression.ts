/** First and last code point, both included. */
export type Range = readonly [number, number]

/** A part of a grammar: a set of texts. */
export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  /** One code point of these ranges. */
  | { readonly kind: 'class'; readonly ranges: readonly Range[] }
  | { readonly kind: 'rule'; readonly rule: Rule }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  /** Without any branch: no text at all. */
  | { readonly kind: 'choice'; readonly branches: readonly Expression[] }
  /** `isCounted`: printed grammars may leave its bounds open, for CountedText to hold. */
  | {
      readonly kind: 'repeat'
      readonly part: Expression
      readonly min: number
      readonly max: number
      readonly isCounted?: true
    }

/** An expression that others refer to, and that may refer to itself. */
export interface Rule {
  expression: Expression
  /** Of a schema that it was made of. */
  place?: Place
}

/** A keyword of a schema, and the JSON pointer of that. */
export interface Place {
  readonly keyword: string
  readonly path: string
}

export const EMPTY: Expression = { kind: 'text', text: '' }
/** What nothing matches. */
export const NEVER: Expression = { kind: 'choice', branches: [] }

export function text(value: string): Expression {
  return { kind: 'text', text: value }
}

export function oneOf(ranges: readonly Range[]): Expression {
  return ranges.length === 0 ? NEVER : { kind: 'class', ranges }
}

/** One character of those listed. */
export function anyOf(characters: string): Expression {
  return oneOf(Array.from(characters, (character) => [character.codePointAt(0)!, character.codePointAt(0)!] as const))
}

export function sequence(...parts: readonly Expression[]): Expression {
  const some = parts.filter((part) => part !== EMPTY)
  return some.length === 1 ? some[0] : some.length === 0 ? EMPTY : { kind: 'sequence', parts: some }
}

export function choice(...branches: readonly Expression[]): Expression {
  const some = branches.filter((branch) => branch !== NEVER)
  return some.length === 1 ? some[0] : some.length === 0 ? NEVER : { kind: 'choice', branches: some }
}

export function repeat(part: Expression, min: number, max: number): Expression {
  if (max < min) return NEVER
  if (max === 0) return EMPTY
  return min === 1 && max === 1 ? part : { kind: 'repeat', part, min, max }
}

/** Characters of a string, up to its quotation mark, or items of an array with their commas. */
export function counted(part: Expression, min: number, max: number): Expression {
  return max < min ? NEVER : { kind: 'repeat', part, min, max, isCounted: true }
}

export function optional(part: Expression): Expression {
  return repeat(part, 0, 1)
}

/** A rule that may refer to itself in its expression. */
export function rule(build: (self: Expression) => Expression): Expression {
  const made: Rule = { expression: NEVER }
  const self: Expression = { kind: 'rule', rule: made }
  made.expression = build(self)
  return self
}
