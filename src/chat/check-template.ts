import { JinjaTemplate } from '../jinja/template.ts'

/** A template that no chat can be made of: a fault of what is to be packed. */
export class ChatTemplateError extends Error {
  readonly code = 'invalid_chat_template'

  constructor(cause: string, options?: ErrorOptions) {
    super(`The chat template ${cause}`, options)
    this.name = 'ChatTemplateError'
  }
}

const QUESTION = 'What is 6 times 7?'

/** The template, when it is UTF-8, can be parsed, and a small chat comes out of it with what its user says. Throws ChatTemplateError. */
export function checkTemplate(source: string | Uint8Array): string {
  const text = typeof source === 'string' ? source : decoded(source)
  if (text.trim() === '') throw new ChatTemplateError('is empty')
  if (!rendered(parsed(text)).includes(QUESTION)) throw new ChatTemplateError('leaves out what the user says')
  return text
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ChatTemplateError('is not UTF-8', { cause })
  }
}

function parsed(text: string): JinjaTemplate {
  try {
    return new JinjaTemplate(text)
  } catch (cause) {
    throw new ChatTemplateError(`cannot be parsed: ${(cause as Error).message}`, { cause })
  }
}

function rendered(template: JinjaTemplate): string {
  try {
    return template.render({
      messages: [{ role: 'user', content: QUESTION }],
      tools: null,
      documents: null,
      add_generation_prompt: true,
      bos_token: '<s>',
      eos_token: '</s>',
    })
  } catch (cause) {
    throw new ChatTemplateError(`fails on a small chat: ${(cause as Error).message}`, { cause })
  }
}
