import { parse as parseTokens, tokenize } from '@huggingface/jinja'

/** A node of the syntax tree; its fields are those of @huggingface/jinja's ast.ts. */
// biome-ignore lint/suspicious/noExplicitAny: the library has no types for its nodes
export type Node = { readonly type: string } & { readonly [field: string]: any }

interface Token {
  readonly value: string
  readonly type: string
}

const OPEN: Record<string, string> = { OpenParen: 'CloseParen', OpenSquareBracket: 'CloseSquareBracket' }
const PIPE = { value: '|', type: 'Pipe' }

/** The syntax tree of a template, with transformers' settings. Throws a SyntaxError. */
export function parse(source: string): Node {
  const tokens: readonly Token[] = tokenize(source, { trim_blocks: true, lstrip_blocks: true })
  return parseTokens(withTestsAsFilters(tokens) as never) as unknown as Node
}

/** The name of a filter that is a test in truth. */
export function testOf(filter: string): { readonly name: string; readonly negate: boolean } | undefined {
  const found = /^is (not )?(\S+)$/.exec(filter)
  return found ? { name: found[2], negate: found[1] !== undefined } : undefined
}

/**
 * The library parses tests without arguments only. A test with some, `x is divisibleby(2)`, `x is in [1]`, is read as a filter with the name
 * 'is divisibleby', which no template can write.
 */
function withTestsAsFilters(tokens: readonly Token[]): Token[] {
  const result: Token[] = []
  for (let at = 0; at < tokens.length; at++) {
    const negate = isWord(tokens[at], 'is') && isWord(tokens[at + 1], 'not')
    const name = tokens[at + (negate ? 2 : 1)]
    const start = at + (negate ? 3 : 2)
    const end = isWord(tokens[at], 'is') && name?.type === 'Identifier' ? endOfArgument(tokens, start) : start
    if (end === start) {
      result.push(tokens[at])
      continue
    }
    const inside = tokens.slice(start, end)
    const args =
      inside[0].type === 'OpenParen'
        ? inside
        : [{ value: '(', type: 'OpenParen' }, ...inside, { value: ')', type: 'CloseParen' }]
    result.push(PIPE, { value: `is ${negate ? 'not ' : ''}${name.value}`, type: 'Identifier' }, ...args)
    at = end - 1
  }
  return result
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.type === 'Identifier' && token.value === word
}

/** Words that go on with the expression around a test. */
const NO_ARGUMENT = new Set(['and', 'or', 'if', 'else', 'is', 'in', 'not', 'recursive'])

/** Where the one argument of a test ends: a literal, a name, or what stands in brackets. */
function endOfArgument(tokens: readonly Token[], start: number): number {
  const first = tokens[start]
  if (first === undefined) return start
  if (first.type === 'StringLiteral' || first.type === 'NumericLiteral') return start + 1
  if (first.type === 'Identifier') return NO_ARGUMENT.has(first.value) ? start : start + 1
  if (!(first.type in OPEN)) return start
  let depth = 0
  for (let at = start; at < tokens.length; at++) {
    if (tokens[at].type === first.type) depth++
    if (tokens[at].type === OPEN[first.type] && --depth === 0) return at + 1
  }
  return start
}
