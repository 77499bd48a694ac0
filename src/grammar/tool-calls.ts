import { complement } from './code-points.ts'
import {
  choice,
  EMPTY,
  type Expression,
  NEVER,
  oneOf,
  optional,
  type Rule,
  repeat,
  rule,
  sequence,
  text,
} from './expression.ts'
import { GrammarError } from './grammar-error.ts'
import { type GrammarSource, grammarSource } from './grammar-source.ts'
import { SPACE } from './json/strings.ts'
import { COMMA, enclosed, member, OBJECT } from './json/values.ts'
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
 * The grammar of one call, as it stands between `<tool_call>` and `</tool_call>`: {"name": …, "arguments": …}, in lines of its own or not.
 * @param isBound the arguments of all tools are held to their schemas, not only those of strict ones. Throws ToolSchemaError.
 */
export function callGrammar(tools: readonly CallableTool[], isBound: boolean): GrammarSource {
  const line = optional(text('\n'))
  const calls = tools.map((tool) => call(tool.name, argumentsOf(tool, isBound)))
  const expression = sequence(line, choice(...calls), line)
  return grammarSource(expression)!
}

const [OPEN, CLOSE] = ['<tool_call>', '</tool_call>']

/**
 * The grammar of an answer of a model that spells the tags: calls alone where there must be one, otherwise any text, in which a tag begins a
 * call.
 */
export function spelledCallsGrammar(
  tools: readonly CallableTool[],
  mustCall: boolean,
  parallel: boolean,
): GrammarSource {
  const body = sequence(choice(...tools.map((tool) => call(tool.name, argumentsOf(tool, true)))), text(CLOSE))
  const one = sequence(text(OPEN), body)
  if (mustCall) {
    const expression = parallel ? sequence(one, repeat(sequence(optional(text('\n')), one), 0, Infinity)) : one
    return grammarSource(expression)!
  }
  const { ebnf, counts } = grammarSource(body)!
  const called = ebnf.replace(/^root(?= ::=)/m, 'call')
  return {
    counts: counts && { ...counts, expression: anyTextWith(body, parallel) },
    ebnf: `root ::= TagDispatch(("${OPEN}", call), stop_eos=true, loop_after_dispatch=${parallel})\n${called}`,
  }
}

/** Any text in which the tag begins a call, as XGrammar's TagDispatch has it: `<` is its first character alone. */
function anyTextWith(body: Expression, parallel: boolean): Expression {
  return rule((start) => {
    const begun: Rule = { expression: NEVER }
    const once: Expression = { kind: 'rule', rule: begun }
    const behind = (letters: number): Expression => {
      if (letters === OPEN.length) return sequence(body, parallel ? start : repeat(oneOf(complement([])), 0, Infinity))
      const code = OPEN.charCodeAt(letters)
      const others = oneOf(complement([OPEN.charCodeAt(0), code].map((each) => [each, each] as const)))
      const again = letters > 0 ? sequence(text(OPEN[0]), once) : NEVER
      return choice(
        EMPTY,
        sequence(text(OPEN[letters]), letters > 0 ? behind(letters + 1) : once),
        again,
        sequence(others, start),
      )
    }
    begun.expression = behind(1)
    return behind(0)
  })
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
