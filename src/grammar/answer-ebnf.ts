import { complement } from './code-points.ts'
import type { Constraint } from './constraint.ts'
import { classOf, EBNF_TOKEN } from './ebnf-tokens.ts'
import { choice, type Expression, oneOf, text } from './expression.ts'
import { GrammarError } from './grammar-error.ts'
import { type GrammarSource, grammarSource } from './grammar-source.ts'
import { OBJECT } from './json/values.ts'
import { plainJson } from './plain-json.ts'
import { printClass } from './print-class.ts'
import { regexExpression } from './regex.ts'
import { schemaExpression } from './schema/schema-grammar.ts'

/** What a constraint allows, in XGrammar's EBNF from its rule `root`. Throws GrammarError. */
export function constraintGrammar(constraint: Constraint): GrammarSource {
  switch (constraint.kind) {
    case 'json':
      return printed(OBJECT, 'invalid_grammar', 'JSON object')
    case 'schema':
      return printed(schemaExpression(plainJson(constraint.schema), constraint.strict), 'invalid_schema', 'schema')
    case 'regex':
      return printed(
        regexExpression(constraint.pattern, { spell: oneOf, isWhole: true }),
        'invalid_grammar',
        'regular expression',
      )
    case 'choice':
      return ofChoices(constraint.choices)
    case 'ebnf': {
      const ebnf = ofGrammar(constraint.grammar)
      return { ebnf, written: { xgrammar: ebnf, gbnf: constraint.grammar } }
    }
  }
}

function printed(expression: Expression, code: GrammarError['code'], what: string): GrammarSource {
  const source = grammarSource(expression)
  if (source === undefined) throw new GrammarError(code, `No answer can match: the ${what} excludes itself.`)
  return source
}

function ofChoices(choices: readonly string[]): GrammarSource {
  if (choices.length === 0) throw new GrammarError('invalid_grammar', 'There has to be a choice at least.')
  if (choices.some((one) => one.includes('\0'))) throw withNul()
  return printed(choice(...choices.map(text)), 'invalid_grammar', 'choice')
}

/** XGrammar would read classes of characters beyond ASCII as bytes. */
function ofGrammar(grammar: string): string {
  if (grammar.includes('\0')) throw withNul()
  return grammar.replace(EBNF_TOKEN, (token, ...groups) => {
    const { class: literal } = groups.at(-1) as Record<string, string | undefined>
    if (literal === undefined) return token
    const { isNegated, ranges } = classOf(literal)
    if (ranges.every(([, last]) => last < 0x80)) return token
    return printClass(isNegated ? complement(ranges) : ranges)
  })
}

function withNul(): GrammarError {
  return new GrammarError('invalid_grammar', 'The character U+0000 cannot be used in a grammar.')
}
