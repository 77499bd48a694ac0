import { z } from 'zod'
import { echo } from '../../echo.ts'
import { list } from '../bounded.ts'
import { reasoningFields } from '../reasoning.ts'
import { samplingFields } from '../sampling-fields.ts'
import { MAX_MESSAGES, MAX_TOOLS, topLogprobsField } from '../schemas.ts'
import { rejectUnsupported } from '../unsupported.ts'
import { inputItem } from './items.ts'
import { UNSUPPORTED } from './unsupported.ts'

/** The API's own bounds: what is echoed and kept must not grow. */
const MAX_METADATA = 16
const MAX_METADATA_KEY = 64
const MAX_METADATA_VALUE = 512
const MAX_LABEL = 512
const MAX_INCLUDES = 64

const tool = z.looseObject({
  type: z.literal(
    'function',
    "this server runs no tools: only tools of type 'function', which the client runs, can be offered",
  ),
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
})

const namedTool = z.looseObject({ type: z.literal('function'), name: z.string() })
const toolChoice = z.union(
  [
    z.enum(['auto', 'none', 'required']),
    namedTool,
    z.looseObject({
      type: z.literal('allowed_tools'),
      mode: z.enum(['auto', 'required']).nullish(),
      tools: list(namedTool, MAX_TOOLS).check(z.minLength(1)),
    }),
  ],
  "expected 'auto', 'none', 'required', { type: 'function', name } or { type: 'allowed_tools', mode, tools } with functions",
)

const format = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: z.string().nullish(),
    description: z.string().nullish(),
    schema: z.record(z.string(), z.unknown()),
    strict: z.boolean().nullish(),
  }),
])

const label = z.string().max(MAX_LABEL).nullish()
const metadata = z
  .record(z.string().max(MAX_METADATA_KEY), z.string().max(MAX_METADATA_VALUE))
  .refine((pairs) => Object.keys(pairs).length <= MAX_METADATA, `expected at most ${MAX_METADATA} pairs`)

const shape = {
  model: z.string().nullish(),
  input: z.preprocess(userMessage, list(inputItem, MAX_MESSAGES).meta({ shortForm: 'string' })).nullish(),
  instructions: z.string().nullish(),
  previous_response_id: z.string().nullish(),
  stream: z.boolean().nullish(),
  store: z.boolean().nullish(),
  background: z.boolean().nullish(),
  tools: list(tool, MAX_TOOLS).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: format.nullish(), verbosity: z.enum(['low', 'medium', 'high']).nullish() }).nullish(),
  reasoning: reasoningFields.reasoning
    .unwrap()
    .unwrap()
    .extend({ summary: z.enum(['auto', 'concise', 'detailed']).nullish() })
    .nullish(),
  max_output_tokens: z.int().positive().nullish(),
  max_tool_calls: z.int().positive().nullish(),
  include: list(z.string(), MAX_INCLUDES).nullish(),
  top_logprobs: topLogprobsField,
  ...samplingFields,
  metadata: metadata.nullish(),
  user: label,
  safety_identifier: label,
  prompt_cache_key: label,
}

/** The body of POST /v1/responses; unknown fields are let through, as clients send many that change nothing here. */
export const responseBody = z.looseObject(shape).check(({ value, issues }) => {
  issues.push(...rejectUnsupported(value, UNSUPPORTED))
  const problem = contradiction(value)
  if (problem) issues.push({ code: 'custom', input: value, path: [problem[0]], message: problem[1] })
})

export type ResponseBody = z.infer<typeof responseBody>

/** A text is a message of the user. */
function userMessage(input: unknown): unknown {
  return typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input
}

/** The field that does not fit the others, and why. */
function contradiction(body: z.infer<z.ZodObject<typeof shape>>): [string, string] | undefined {
  const { input, previous_response_id, background, store, tools, tool_choice } = body
  if (!input?.length && !previous_response_id) return ['input', 'there is nothing to answer']
  if (background && store === false) return ['store', 'what is made in the background must be stored']
  if (!tool_choice || tool_choice === 'auto' || tool_choice === 'none') return undefined
  if (!tools?.length) return ['tool_choice', 'there are no tools to choose from']
  const unknown = chosenNames(tool_choice).find((name) => !tools.some((tool) => tool.name === name))
  return unknown === undefined ? undefined : ['tool_choice', `there is no tool '${echo(unknown)}' among the tools`]
}

/** The tools that a choice names. */
export function chosenNames(choice: NonNullable<ResponseBody['tool_choice']>): readonly string[] {
  if (typeof choice === 'string') return []
  return choice.type === 'function' ? [choice.name] : choice.tools.map(({ name }) => name)
}
