import { Template } from '@huggingface/jinja'
import { ChatRequestError, ChatTemplateSyntaxError } from './errors.ts'
import { type ChatMessage, templateMessage } from './messages.ts'

export interface RenderOptions {
  /** Tool definitions in OpenAI's form, handed to the template as they are. */
  readonly tools?: readonly unknown[]
  /** End with the header of the assistant's turn. */
  readonly addGenerationPrompt: boolean
}

/** A model's own Jinja chat template, parsed once. */
export class ChatTemplate {
  readonly #template: Template
  readonly #tokens: Record<string, string>

  /** Throws ChatTemplateSyntaxError. */
  constructor(source: string, bosToken = '', eosToken = '') {
    try {
      this.#template = new Template(source)
    } catch (error) {
      throw new ChatTemplateSyntaxError(error as Error)
    }
    this.#tokens = { bos_token: bosToken, eos_token: eosToken }
  }

  /** The prompt's text. Throws ChatRequestError when the template refuses the messages. */
  render(messages: readonly ChatMessage[], options: RenderOptions): string {
    const variables = {
      ...this.#tokens,
      messages: messages.map(templateMessage),
      add_generation_prompt: options.addGenerationPrompt,
      ...(options.tools?.length ? { tools: options.tools } : {}),
    }
    try {
      return this.#template.render(variables)
    } catch (error) {
      const cause = error as Error
      throw new ChatRequestError(
        'chat_template_error',
        `The chat template of the model refused these messages: ${cause.message}`,
        'messages',
        { cause },
      )
    }
  }
}
