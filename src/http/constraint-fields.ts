import { z } from 'zod'
import type { Constraint } from '../grammar/constraint.ts'
import { gbnfToEbnf } from '../grammar/gbnf.ts'
import { GrammarError } from '../grammar/grammar-error.ts'
import { list } from './bounded.ts'

const MAX_CHOICES = 1024

const schemaObject = z.union([z.record(z.string(), z.unknown()), z.boolean()])
/** A JSON Schema, or its JSON text as SGLang's clients and some of vLLM's send it. */
const schema = z.union([schemaObject, z.string().transform(parsedSchema)], 'expected a JSON Schema')
const choices = list(z.string(), MAX_CHOICES).check(z.minLength(1))

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  // With a schema it is llama-server's.
  z.looseObject({ type: z.literal('json_object'), schema: schemaObject.nullish() }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({ schema: schemaObject.nullish(), strict: z.boolean().nullish() }),
  }),
])

const structuredOutputs = z.looseObject({
  json: schema.nullish(),
  regex: z.string().nullish(),
  choice: choices.nullish(),
  grammar: z.string().nullish(),
  json_object: z.boolean().nullish(),
  disable_additional_properties: z.boolean().nullish(),
  structural_tag: z.null('structural tags are not available').optional(),
  whitespace_pattern: z.null('a pattern of white space cannot be set').optional(),
  disable_any_whitespace: z.literal(false, 'white space cannot be forbidden').nullish(),
})

/** llama-server's; XGrammar's EBNF is close. */
const gbnf = z.string().transform((grammar, context) => {
  try {
    return gbnfToEbnf(grammar)
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error
    context.issues.push({ code: 'custom', input: grammar, message: error.message, params: { code: error.code } })
    return z.NEVER
  }
})

/** What holds an answer to a form: OpenAI's field, vLLM's of today and of before, SGLang's, llama-server's. */
export const constraintFields = {
  response_format: responseFormat.nullish(),
  structured_outputs: structuredOutputs.nullish(),
  guided_json: schema.nullish(),
  guided_regex: z.string().nullish(),
  guided_choice: choices.nullish(),
  guided_grammar: z.string().nullish(),
  guided_json_object: z.boolean().nullish(),
  json_schema: schema.nullish(),
  grammar: gbnf.nullish(),
  regex: z.string().nullish(),
  ebnf: z.string().nullish(),
}

type ConstraintFields = z.infer<z.ZodObject<typeof constraintFields>>

/** All that the fields ask of an answer, each with the field that does: more than one is too many. */
export function constraintsOf(body: ConstraintFields): { readonly param: string; readonly constraint: Constraint }[] {
  const { response_format: format, structured_outputs: outputs } = body
  const strict = outputs?.disable_additional_properties ?? false
  const found: [string, Constraint | undefined][] = [
    ['response_format', format ? ofResponseFormat(format) : undefined],
    ['structured_outputs.json', ofSchema(outputs?.json, strict)],
    ['structured_outputs.regex', ofRegex(outputs?.regex)],
    ['structured_outputs.choice', ofChoices(outputs?.choice)],
    ['structured_outputs.grammar', ofGrammar(outputs?.grammar)],
    ['structured_outputs.json_object', outputs?.json_object ? { kind: 'json' } : undefined],
    ['guided_json', ofSchema(body.guided_json)],
    ['guided_regex', ofRegex(body.guided_regex)],
    ['guided_choice', ofChoices(body.guided_choice)],
    ['guided_grammar', ofGrammar(body.guided_grammar)],
    ['guided_json_object', body.guided_json_object ? { kind: 'json' } : undefined],
    ['json_schema', ofSchema(body.json_schema)],
    ['grammar', ofGrammar(body.grammar)],
    ['regex', ofRegex(body.regex)],
    ['ebnf', ofGrammar(body.ebnf)],
  ]
  return found.flatMap(([param, constraint]) => (constraint ? [{ param, constraint }] : []))
}

/** Issues where a body asks for more than one form. */
export function rejectConflicts(body: ConstraintFields): z.core.$ZodRawIssue[] {
  const [first, second] = constraintsOf(body)
  if (!second) return []
  return [
    {
      code: 'custom',
      input: body,
      path: second.param.split('.'),
      message: `${first.param} and ${second.param} both say what form the answer has: send one of them.`,
      params: { code: 'conflicting_parameters' },
    },
  ]
}

function ofResponseFormat(format: z.infer<typeof responseFormat>): Constraint | undefined {
  switch (format.type) {
    case 'text':
      return undefined
    case 'json_object':
      return ofSchema(format.schema) ?? { kind: 'json' }
    case 'json_schema':
      return ofSchema(format.json_schema.schema, format.json_schema.strict ?? false) ?? { kind: 'json' }
  }
}

function ofSchema(schema: unknown, strict = false): Constraint | undefined {
  return schema == null ? undefined : { kind: 'schema', schema, strict }
}

// Clients send empty texts for what they do not ask.

function ofRegex(pattern: string | null | undefined): Constraint | undefined {
  return pattern ? { kind: 'regex', pattern } : undefined
}

function ofChoices(choices: readonly string[] | null | undefined): Constraint | undefined {
  return choices ? { kind: 'choice', choices } : undefined
}

function ofGrammar(grammar: string | null | undefined): Constraint | undefined {
  return grammar ? { kind: 'ebnf', grammar } : undefined
}

function parsedSchema(text: string, context: z.RefinementCtx): Record<string, unknown> | boolean {
  try {
    const parsed = schemaObject.safeParse(JSON.parse(text))
    if (parsed.success) return parsed.data
  } catch {
    // Told below.
  }
  context.addIssue('expected the JSON of a JSON Schema')
  return z.NEVER
}
