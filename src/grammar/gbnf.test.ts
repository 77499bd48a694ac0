import { describe, expect, test } from 'vitest'
import { loadEmbeddedModel } from '../../test/support/embedded-model.ts'
import { constraintGrammar } from './answer-ebnf.ts'
import { gbnfToEbnf } from './gbnf.ts'
import { GrammarError } from './grammar-error.ts'

// What llama.cpp's parser (src/llama-grammar.cpp) makes of a text, tried by the texts that it takes.

const chat = await loadEmbeddedModel()

/** Whether a grammar takes a text, token by token, and may end there. */
async function takes(gbnf: string, text: string): Promise<boolean> {
  const grammar = await chat.grammars.compile(constraintGrammar({ kind: 'ebnf', grammar: gbnfToEbnf(gbnf) }))
  const matcher = grammar.matcher(false)
  try {
    if (!chat.tokenizer.encode(text).every((id) => matcher.accept(id))) return false
    const allowed = matcher.allowed()
    return chat.eosIds.some((id) => allowed === undefined || (allowed[id >>> 5] & (1 << (id & 31))) !== 0)
  } finally {
    matcher.dispose()
    grammar.dispose()
  }
}

/** grammars/json.gbnf of llama.cpp. */
const JSON_GBNF = String.raw`
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

# Optional space: by convention, applied in this grammar after literal chars when allowed
ws ::= | " " | "\n" [ \t]{0,20}
`

describe('GBNF', () => {
  test.each<[string, string[], string[]]>([
    [String.raw`root ::= "\x41B"`, ['AB'], ['A', '\u041b']],
    [String.raw`root ::= [\x41-\x43]+`, ['ABC'], ['D', '']],
    [String.raw`root ::= "\x41" "\u00e9" "\U0001F600" "\xe9"`, ['Aé😀é'], ['Aé😀']],
    ['root ::= "a\nb"', ['a\nb'], ['a', 'ab']],
    ['root ::= [^\n]+ "\\n"', ['é \n'], ['\n', 'a']],
    ['root ::= "a" . "."', ['ax.', 'aé.', 'a\n.', 'a😀.'], ['a.', 'axx', 'ax']],
    ['root ::= .*', ['', 'So. "Yes" [é]\n'], []],
    [String.raw`root ::= "\"[.]\\" # . "a" <b> \q`, ['"[.]\\'], ['"[x]\\']],
    ['root ::= foo-bar2\nfoo-bar2 ::= "x" |\n  "y"', ['x', 'y'], ['z']],
    ['root ::= "a"{2,3} [0-9]{2} ("ab"){1,}', ['aa12ab', 'aaa12abab'], ['a12ab', 'aa12']],
    ['root ::= | "a" # or\n', ['', 'a'], ['b']],
    ['root ::= "x" ("a" | # nothing\n ) ( | "b")\n  |', ['', 'x', 'xa', 'xab'], ['ab']],
    [
      JSON_GBNF,
      ['{}', '{ "a": [1, -2.5e+3, "\\u00e9\\n é", true ], "b":{"c":null}\n\t\t}'],
      ['[]', '{"a":01}', '{"a"}', '{"a":"\\x"}'],
    ],
  ])('%j', async (grammar, taken, refused) => {
    for (const text of taken) expect([text, await takes(grammar, text)]).toEqual([text, true])
    for (const text of refused) expect([text, await takes(grammar, text)]).toEqual([text, false])
  })

  test.each([
    ['root ::= <think> "x"', '<think>'],
    ['root ::= !<[1000]>*', '!<[1000]>'],
    [String.raw`root ::= "\q"`, String.raw`\q`],
    [String.raw`root ::= [\d]`, String.raw`\d`],
    [String.raw`root ::= "\x4"`, String.raw`\x`],
  ])('%j is refused by name', (grammar, what) => {
    expect(() => gbnfToEbnf(grammar)).toThrow(GrammarError)
    expect(() => gbnfToEbnf(grammar)).toThrow(what)
  })
})
