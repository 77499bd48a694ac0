import { GrammarError } from './grammar-error.ts'

/** A comment, a literal, a class, a token of the vocabulary, any character. */
const PART =
  /#[^\r\n]*|(?<literal>"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\])|(?<token>!?<[^<>\r\n]*>)|(?<any>\.)|[\w-]+|[^\w-]/gs
const ESCAPE = /\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[tnr\\"[\]])|(?<wrong>\\.?)|(?<line>[\n\r])/gs
const LINES: Readonly<Record<string, string>> = { '\n': String.raw`\n`, '\r': String.raw`\r` }

/**
 * XGrammar's EBNF of a grammar in llama.cpp's GBNF, which differs in what a literal may be and in the character that stands for any.
 * https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md. Throws GrammarError.
 */
export function gbnfToEbnf(grammar: string): string {
  // What stood last, without white space and comments.
  let last = ''
  const ebnf = grammar.replace(PART, (part, ...rest) => {
    if (/^(?:\s|#)/.test(part)) return part
    // An alternative of nothing has no sign of its own.
    const isEmpty = part === '|' ? /^[=|(]$/.test(last) : part === ')' && /^[|(]$/.test(last)
    last = part
    if (isEmpty) return `"" ${part}`
    const { literal, token, any } = rest.at(-1) as Record<string, string | undefined>
    if (token !== undefined) {
      throw new GrammarError('invalid_grammar', `Tokens such as ${token} cannot stand in a grammar here: write a text.`)
    }
    if (any !== undefined) return String.raw`[\x01-\U0010ffff]`
    return literal === undefined ? part : rewritten(literal)
  })
  return last === '|' ? `${ebnf} ""` : ebnf
}

/** XGrammar takes all hexadecimal digits that follow `\x`, and no line break as it is. */
function rewritten(literal: string): string {
  return literal.replace(ESCAPE, (found, ...rest) => {
    const { wrong, line } = rest.at(-1) as Record<string, string | undefined>
    if (wrong !== undefined) throw new GrammarError('invalid_grammar', `GBNF has no escape ${wrong}.`)
    if (line !== undefined) return LINES[line]
    return found.startsWith('\\x') ? `\\u00${found.slice(2)}` : found
  })
}
