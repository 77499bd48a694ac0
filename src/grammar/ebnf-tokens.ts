/** A token of XGrammar's EBNF that says something; comments are matched too, so that nothing is found in them. */
export const EBNF_TOKEN =
  /#[^\r\n]*|(?<definition>[\w.-]+)\s*::=|(?<name>[A-Za-z_.-][\w.-]*)|"(?<string>(?:\\.|[^"\\])*)"|\[(?<class>(?:\\.|[^\]\\])*)\]|\{\s*(?<least>\d+)\s*(?:,\s*(?<most>\d*)\s*)?\}|(?<sign>[()+*?|])/gs

const CHARACTER = String.raw`\\x[0-9a-fA-F]+|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\.|[^\\]`
const CLASS_ITEM = new RegExp(`(${CHARACTER})(?:-(${CHARACTER}))?`, 'gsu')
const ESCAPE = /\\(?:x([0-9a-fA-F]+)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/gsu
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0' }

/** What a literal stands for, without the quotes or brackets around it. */
export function unescaped(literal: string): string {
  return literal.replace(ESCAPE, (_, x, u, long, character) => {
    const code = x ?? u ?? long
    if (code === undefined) return CONTROLS[character] ?? character
    const point = Number.parseInt(code, 16)
    return point > 0x10ffff ? '\uFFFD' : String.fromCodePoint(point)
  })
}

/** First and last code points of a class, and whether it is of all others. */
export function classOf(literal: string): { readonly isNegated: boolean; readonly ranges: [number, number][] } {
  const isNegated = literal.startsWith('^')
  const ranges = Array.from(
    (isNegated ? literal.slice(1) : literal).matchAll(CLASS_ITEM),
    ([, from, to = from]): [number, number] => [unescaped(from).codePointAt(0) ?? 0, unescaped(to).codePointAt(0) ?? 0],
  )
  return { isNegated, ranges }
}
