import { z } from 'zod'

const MAX_KWARGS = 64
/** What the template is given anyway. */
const RESERVED = new Set(['messages', 'tools', 'documents', 'bos_token', 'eos_token'])
/** Fields of the body by the same name. */
const FIELDS = new Set(['add_generation_prompt', 'continue_final_message', 'chat_template'])

const kwargs = z
  .record(z.string(), z.unknown())
  .refine((values) => Object.keys(values).length <= MAX_KWARGS, `expected at most ${MAX_KWARGS} variables`)
  .check(({ value, issues }) => {
    for (const name of Object.keys(value)) {
      const message = RESERVED.has(name)
        ? 'the template has its own value of it'
        : FIELDS.has(name)
          ? 'it is a field of the body, beside chat_template_kwargs'
          : undefined
      if (message) issues.push({ code: 'custom', input: value, path: [name], message })
    }
  })

/** How the model's template writes the prompt: vLLM's fields. */
export const templateFields = {
  chat_template_kwargs: kwargs.nullish(),
  add_generation_prompt: z.boolean().nullish(),
  continue_final_message: z.boolean().nullish(),
}

type TemplateFields = z.infer<z.ZodObject<typeof templateFields>>

interface LastMessage {
  readonly role: string
  readonly content?: unknown
  readonly reasoning_content?: string | null
  readonly reasoning?: string | null
  readonly tool_calls?: readonly unknown[] | null
}

/** Issues where there is no message to go on with. */
export function rejectTemplate(body: TemplateFields & { readonly messages: readonly LastMessage[] }) {
  if (!body.continue_final_message) return []
  const issue = (message: string): z.core.$ZodRawIssue[] => [
    { code: 'custom', input: body, path: ['continue_final_message'], message },
  ]
  if (body.add_generation_prompt)
    return issue('add_generation_prompt begins another message: send false, or leave it out')
  const { role, content, reasoning_content, reasoning, tool_calls } = body.messages.at(-1) ?? { role: '' }
  if (role !== 'assistant') return issue("the last message must be the assistant's")
  if (tool_calls?.length) return issue('a message with tool calls cannot be continued')
  const text = Array.isArray(content) ? content.map((part: { text?: unknown }) => part.text ?? '').join('') : content
  const said = [text, reasoning_content ?? reasoning].some((one) => typeof one === 'string' && one.trim() !== '')
  if (!said) return issue('the last message must have text or reasoning to continue')
  return []
}

export function templateSettings(body: TemplateFields) {
  return {
    templateKwargs: body.chat_template_kwargs ?? undefined,
    continueFinalMessage: body.continue_final_message ?? undefined,
    addGenerationPrompt: body.add_generation_prompt ?? undefined,
  }
}
