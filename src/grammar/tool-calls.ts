import { choice, type Expression, optional, repeat, sequence, text } from './expression.ts'
import { GrammarError } from './grammar-error.ts'
import { SPACE } from './json/strings.ts'
import { COMMA, enclosed, member, OBJECT } from './json/values.ts'
import type { GrammarSource } from './matcher.ts'
import { plainJson } from './plain-json.ts'
import { printEbnf } from './print-ebnf.ts'
import { objectExpression } from './schema/schema-grammar.ts'

/** A function that may be called. */
export interface CallableTool {
  readonly name: string
  /** The JSON Schema of its arguments; undefined: any object. */
  readonly parameters: unknown
  readonly isStrict: boolean
  /** Where it stands in the request, for errors. */
  readonly param: string
}

/** What a tool of a request says in OpenAI's form; undefined for one that is no function. */
export function callableTool(tool: unknown, index: number): CallableTool | undefined {
  const { function: described } = (plainJson(tool) ?? {}) as { function?: Record<string, unknown> }
  if (typeof described?.name !== 'string') return undefined
  const { name, parameters, strict } = described
  return { name, parameters, isStrict: strict === true, param: `tools.${index}.function.parameters` }
}

/**
 * XGrammar's EBNF of one call, as it stands between `<tool_call>` and `</tool_call>`: {"name": …, "arguments": …}, in lines of its own or not.
 * @param isBound the arguments of all tools are held to their schemas, not only those of strict ones. Throws ToolSchemaError.
 */
export function callGrammar(tools: readonly CallableTool[], isBound: boolean): GrammarSource {
  const line = optional(text('\n'))
  const calls = tools.map((tool) => call(tool.name, argumentsOf(tool, isBound)))
  const expression = sequence(line, choice(...calls), line)
  return { ebnf: printEbnf(expression)!, expression }
}

const [OPEN, CLOSE] = ['<tool_call>', '</tool_call>']

/**
 * XGrammar's EBNF of an answer of a model that spells the tags: calls alone where there must be one, otherwise any text, in which a tag begins a
 * call.
 */
export function spelledCallsEbnf(tools: readonly CallableTool[], mustCall: boolean, parallel: boolean): string {
  const body = sequence(choice(...tools.map((tool) => call(tool.name, argumentsOf(tool, true)))), text(CLOSE))
  const one = sequence(text(OPEN), body)
  if (mustCall) {
    return printEbnf(parallel ? sequence(one, repeat(sequence(optional(text('\n')), one), 0, Infinity)) : one)!
  }
  const called = printEbnf(body)!.replace(/^root(?= ::=)/m, 'call')
  return `root ::= TagDispatch(("${OPEN}", call), stop_eos=true, loop_after_dispatch=${parallel})\n${called}`
}

function call(name: string, args: Expression): Expression {
  const named = member(text('"name"'), text(JSON.stringify(name)))
  return enclosed('{', sequence(named, COMMA, member(text('"arguments"'), args), SPACE), '}')
}

function argumentsOf({ parameters, isStrict, param }: CallableTool, isBound: boolean): Expression {
  if (parameters == null || !(isBound || isStrict)) return OBJECT
  try {
    const expression = objectExpression(parameters, isStrict)
    if (printEbnf(expression) === undefined)
      throw new GrammarError('invalid_schema', 'No arguments can match the schema.')
    return expression
  } catch (error) {
    throw error instanceof GrammarError ? new ToolSchemaError(error, param) : error
  }
}

/** The schema of a tool cannot be held. */
export class ToolSchemaError extends Error {
  readonly code: GrammarError['code']
  readonly param: string

  constructor(cause: GrammarError, param: string) {
    super(cause.message, { cause })
    this.name = 'ToolSchemaError'
    this.code = cause.code
    this.param = param
  }
}
