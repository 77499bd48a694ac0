import { echo } from '../echo.ts'
import { JinjaTemplate } from '../jinja/template.ts'
import { ControlMask } from './control-mask.ts'
import { ControlSpellings } from './control-spellings.ts'
import { ChatRequestError, ChatTemplateSyntaxError } from './errors.ts'
import { type ChatMessage, type ToolCall, templateMessage } from './messages.ts'

export interface RenderOptions {
  /** Tool definitions in OpenAI's form, handed to the template as they are. */
  readonly tools?: readonly unknown[]
  /** End with the header of the assistant's turn. */
  readonly addGenerationPrompt: boolean
  /** End within the last message, whose content is to go on, or its reasoning where there is no content yet; left out: false. */
  readonly continueFinalMessage?: boolean
  /** Variables for the template beside its own. */
  readonly kwargs?: Readonly<Record<string, unknown>>
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

const USER: ChatMessage = { role: 'user', content: 'Hi' }
const PROBE = { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } }
/** Mistral's templates want an id of nine characters. */
const PROBE_CALL = { id: 'probe0001', type: 'function', function: { name: 'f', arguments: '{}' } }

function turns(calls: readonly ToolCall[]): ChatMessage[] {
  return [
    USER,
    { role: 'assistant', content: '', tool_calls: calls },
    { role: 'tool', tool_call_id: PROBE_CALL.id, content: '1' },
  ]
}

/** A model's own Jinja chat template, parsed once. */
export class ChatTemplate {
  readonly source: string
  readonly #template: JinjaTemplate
  readonly #tokens: Record<string, string>
  readonly #spellings: ControlSpellings
  readonly #reasons: boolean
  #takesTools: boolean | undefined
  #takesToolCalls: boolean | undefined

  /** Throws ChatTemplateSyntaxError. */
  constructor(source: string, { bosToken = '', eosToken = '', addedTexts = [] }: TemplateTokens = {}) {
    try {
      this.#template = new JinjaTemplate(source)
    } catch (error) {
      throw new ChatTemplateSyntaxError(error as Error)
    }
    this.source = source
    this.#tokens = { bos_token: bosToken, eos_token: eosToken }
    this.#spellings = new ControlSpellings(addedTexts)
    this.#reasons = addedTexts.includes('<think>') && addedTexts.includes('</think>')
  }

  /** Tools come out in the prompt. */
  get takesTools(): boolean {
    this.#takesTools ??= this.#probe([USER], [PROBE]) !== this.#probe([USER])
    return this.#takesTools
  }

  /** The calls of an assistant's message come out in the prompt. */
  get takesToolCalls(): boolean {
    this.#takesToolCalls ??= this.#probe(turns([PROBE_CALL])) !== this.#probe(turns([]))
    return this.#takesToolCalls
  }

  /** NaN, which equals nothing, where the template refuses: then it says itself what is wrong with a request. */
  #probe(messages: readonly ChatMessage[], tools?: readonly unknown[]): string | number {
    try {
      return this.render(messages, { tools, addGenerationPrompt: true })
    } catch {
      return Number.NaN
    }
  }

  /** The prompt's text. Throws ChatRequestError when the template refuses the messages. */
  render(messages: readonly ChatMessage[], options: RenderOptions): string {
    const { masked, unmask } = this.renderMasked(messages, options)
    return unmask(masked)
  }

  /** Throws ChatRequestError when the template refuses the messages. */
  renderMasked(messages: readonly ChatMessage[], options: RenderOptions): MaskedText {
    const { tools, addGenerationPrompt, continueFinalMessage, kwargs = {} } = options
    const mask = new ControlMask(this.#spellings, this.source)
    const written = messages.map((message, index) => templateMessage(message, index, this.#reasons))
    const [maskedMessages, maskedTools, maskedKwargs] = mask.mask([
      continueFinalMessage ? marked(written) : written,
      tools?.length ? tools : null,
      kwargs,
    ] as const)
    try {
      const masked = this.#template.render({
        ...maskedKwargs,
        ...this.#tokens,
        messages: maskedMessages,
        tools: maskedTools,
        documents: null,
        add_generation_prompt: addGenerationPrompt,
      })
      return { masked: continueFinalMessage ? upToMark(masked) : masked, unmask: (stretch) => mask.unmask(stretch) }
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

/** Behind the text of a message that goes on; its space shows whether the template keeps white space at the end. */
const CONTINUED = 'CONTINUE_FINAL_MESSAGE_TAG '

/** The messages with the mark in the last one. */
function marked(messages: readonly Record<string, unknown>[]): Record<string, unknown>[] {
  const last = messages.at(-1)!
  const field = last.content === '' && last.reasoning_content ? 'reasoning_content' : 'content'
  return [...messages.slice(0, -1), { ...last, [field]: `${last[field]}${CONTINUED}` }]
}

/** A rendered chat up to the mark, as transformers' apply_chat_template cuts it with continue_final_message. */
function upToMark(rendered: string): string {
  const end = rendered.lastIndexOf(CONTINUED.trimEnd())
  if (end < 0) throw new Error('the last message does not stand in the prompt, and cannot be continued')
  const text = rendered.slice(0, end)
  return rendered.startsWith(CONTINUED, end) ? text : text.trimEnd()
}
