import { echo } from '../echo.ts'
import { JinjaTemplate } from '../jinja/template.ts'
import { ControlMask } from './control-mask.ts'
import { ControlSpellings } from './control-spellings.ts'
import { ChatRequestError, ChatTemplateSyntaxError } from './errors.ts'
import { type ChatMessage, templateMessage } from './messages.ts'

export interface RenderOptions {
  /** Tool definitions in OpenAI's form, handed to the template as they are. */
  readonly tools?: readonly unknown[]
  /** End with the header of the assistant's turn. */
  readonly addGenerationPrompt: boolean
}

/** What the template has to know of the vocabulary. */
export interface TemplateTokens {
  /** How the tokens that begin and end a text are written; left out: there are none. */
  readonly bosToken?: string
  readonly eosToken?: string
  /** How the added tokens are written, which only the template may write. */
  readonly addedTexts?: readonly string[]
}

/** A prompt's text in which only what the template wrote can be read as control tokens: encode(text.masked, text.unmask). */
export interface MaskedText {
  readonly masked: string
  readonly unmask: (stretch: string) => string
}

/** A model's own Jinja chat template, parsed once. */
export class ChatTemplate {
  readonly #source: string
  readonly #template: JinjaTemplate
  readonly #tokens: Record<string, string>
  readonly #spellings: ControlSpellings
  readonly #reasons: boolean

  /** Throws ChatTemplateSyntaxError. */
  constructor(source: string, { bosToken = '', eosToken = '', addedTexts = [] }: TemplateTokens = {}) {
    try {
      this.#template = new JinjaTemplate(source)
    } catch (error) {
      throw new ChatTemplateSyntaxError(error as Error)
    }
    this.#source = source
    this.#tokens = { bos_token: bosToken, eos_token: eosToken }
    this.#spellings = new ControlSpellings(addedTexts)
    this.#reasons = addedTexts.includes('<think>') && addedTexts.includes('</think>')
  }

  /** The prompt's text. Throws ChatRequestError when the template refuses the messages. */
  render(messages: readonly ChatMessage[], options: RenderOptions): string {
    const { masked, unmask } = this.renderMasked(messages, options)
    return unmask(masked)
  }

  /** Throws ChatRequestError when the template refuses the messages. */
  renderMasked(messages: readonly ChatMessage[], { tools, addGenerationPrompt }: RenderOptions): MaskedText {
    const mask = new ControlMask(this.#spellings, this.#source)
    const [maskedMessages, maskedTools] = mask.mask([
      messages.map((message, index) => templateMessage(message, index, this.#reasons)),
      tools?.length ? tools : null,
    ])
    try {
      const masked = this.#template.render({
        ...this.#tokens,
        messages: maskedMessages,
        tools: maskedTools,
        documents: null,
        add_generation_prompt: addGenerationPrompt,
      })
      return { masked, unmask: (stretch) => mask.unmask(stretch) }
    } catch (error) {
      const cause = error as Error
      throw new ChatRequestError(
        'chat_template_error',
        `The chat template of the model refused these messages: ${echo(mask.unmask(cause.message))}`,
        'messages',
        { cause },
      )
    }
  }
}
