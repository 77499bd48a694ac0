import type { Lexer, Parser, Token, Tokens } from 'marked'

const REFERENCE = /^\[\^([^\]\s]{1,64})\]/
// Its lines go on until a blank one, another note or another block; behind a blank line those that are indented belong to it.
const DEFINITION =
  /^ {0,3}\[\^([^\]\s]{1,64})\]:[ \t]*([^\n]*(?:\n(?![ \t]*(?:\n|$)| {0,3}(?:\[\^|#|>|[-*+] |```|~~~|\$\$|\||\d+[.)] ))[^\n]+|\n(?:[ \t]*\n)*(?: {2,}|\t)[^\n]*\S[^\n]*)*)(?:\n|$)/

/** Numbers of the notes that are defined, in the order in which the text refers to them. */
export class Footnotes {
  readonly #numbers = new Map<string, number>()
  readonly #defined: ReadonlySet<string>

  constructor(defined: ReadonlySet<string>) {
    this.#defined = defined
  }

  /** Asked when the HTML is made: that goes by the order of the text. */
  numberOf(label: string): number {
    const number = this.#numbers.get(label) ?? this.#numbers.size + 1
    this.#numbers.set(label, number)
    return number
  }

  reference(source: string): Tokens.Generic | undefined {
    const match = REFERENCE.exec(source)
    if (!match || !this.#defined.has(match[1])) return undefined
    return { type: 'footnoteReference', raw: match[0], label: match[1], notes: this }
  }

  definition(source: string, lexer: Lexer): Tokens.Generic | undefined {
    const match = DEFINITION.exec(source)
    if (!match) return undefined
    // Its text is in paragraphs, also where it stands in an item whose text is not.
    const { top } = lexer.state
    lexer.state.top = true
    const tokens = lexer.blockTokens(match[2].replace(/\n(?: {2,4}|\t)/g, '\n'), [])
    lexer.state.top = top
    return { type: 'footnote', raw: match[0], label: match[1], notes: this, tokens }
  }
}

export function footnoteStart(source: string): number {
  return source.search(/\n {0,3}\[\^[^\]\s]{1,64}\]:/)
}

export function footnoteReferenceHtml({ label, notes }: Tokens.Generic): string {
  const number = (notes as Footnotes).numberOf(label)
  return `<sup><a href="#note-${number}" class="footnote-reference">${number}</a></sup>`
}

export function footnoteHtml({ label, notes, tokens }: Tokens.Generic, parser: Parser): string {
  const number = (notes as Footnotes).numberOf(label)
  const back = `<a href="#reference-${number}" class="footnote-number">${number}</a>`
  return `<div class="footnote">${back}<div>${parser.parse(tokens as Token[])}</div></div>\n`
}
