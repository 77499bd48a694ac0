import { complement } from './code-points.ts'
import type { Constraint } from './constraint.ts'
import { classOf, EBNF_TOKEN } from './ebnf-tokens.ts'
import { choice, oneOf, text } from './expression.ts'
import { GrammarError } from './grammar-error.ts'
import { OBJECT } from './json/values.ts'
import { plainJson } from './plain-json.ts'
import { printClass } from './print-class.ts'
import { printEbnf } from './print-ebnf.ts'
import { regexExpression } from './regex.ts'
import { schemaExpression } from './schema/schema-grammar.ts'

/** XGrammar's EBNF of what a constraint allows, from its rule `root`. Throws GrammarError. */
export function constraintEbnf(constraint: Constraint): string {
  switch (constraint.kind) {
    case 'json':
      return printEbnf(OBJECT)!
    case 'schema':
      return printed(
        printEbnf(schemaExpression(plainJson(constraint.schema), constraint.strict)),
        'invalid_schema',
        'schema',
      )
    case 'regex':
      return printed(
        printEbnf(regexExpression(constraint.pattern, { spell: oneOf, isWhole: true })),
        'invalid_grammar',
        'regular expression',
      )
    case 'choice':
      return ofChoices(constraint.choices)
    case 'ebnf':
      return ofGrammar(constraint.grammar)
  }
}

function printed(ebnf: string | undefined, code: GrammarError['code'], what: string): string {
  if (ebnf === undefined) throw new GrammarError(code, `No answer can match: the ${what} excludes itself.`)
  return ebnf
}

function ofChoices(choices: readonly string[]): string {
  if (choices.length === 0) throw new GrammarError('invalid_grammar', 'There has to be a choice at least.')
  if (choices.some((one) => one.includes('\0'))) throw withNul()
  return printEbnf(choice(...choices.map(text)))!
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
