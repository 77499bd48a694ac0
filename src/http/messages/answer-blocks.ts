import type { SayingEvent } from '../chat-completion-choice.ts'
import { signatureOf } from './signature.ts'

type Text = { type: 'text'; text: string; citations: null }
type Thinking = { type: 'thinking'; thinking: string; signature: string }
type ToolUse = { type: 'tool_use'; id: string; name: string; input: unknown; caller: { type: 'direct' } }
export type AnswerBlock = Text | Thinking | ToolUse

export type BlockDelta =
  | { readonly type: 'text_delta'; readonly text: string }
  | { readonly type: 'thinking_delta'; readonly thinking: string }
  | { readonly type: 'signature_delta'; readonly signature: string }
  | { readonly type: 'input_json_delta'; readonly partial_json: string }

export type BlockEvent =
  | { readonly type: 'content_block_start'; readonly index: number; readonly content_block: AnswerBlock }
  | { readonly type: 'content_block_delta'; readonly index: number; readonly delta: BlockDelta }
  | { readonly type: 'content_block_stop'; readonly index: number }

export interface BlockOptions {
  /** Thinking is not told; its signature has it. */
  readonly hidesThinking: boolean
  /** Tools whose calls are told while the model writes them, though what it writes may turn out to be none. */
  readonly eagerTools: ReadonlySet<string>
}

/** Puts what an answer says into Anthropic's content blocks, one after the other. */
export class AnswerBlocks {
  readonly #options: BlockOptions
  #index = -1
  #open: AnswerBlock['type'] | undefined
  #hiddenThinking = ''
  /** A call that is told when it is whole. */
  #held: { readonly name: string; text: string } | undefined

  constructor(options: BlockOptions) {
    this.#options = options
  }

  push(event: SayingEvent): BlockEvent[] {
    switch (event.type) {
      case 'content':
        if (event.text === '') return []
        return [
          ...this.#enter({ type: 'text', text: '', citations: null }),
          this.#delta({ type: 'text_delta', text: event.text }),
        ]
      case 'reasoning':
        return event.text === '' ? [] : this.#think(event.text)
      case 'toolCall': {
        const ended = this.end()
        if (this.#options.eagerTools.has(event.name)) return [...ended, this.#start(toolUse(event.name))]
        this.#held = { name: event.name, text: '' }
        return ended
      }
      case 'toolCallArguments':
        if (!this.#held) return [this.#delta({ type: 'input_json_delta', partial_json: event.text })]
        this.#held.text += event.text
        return []
      case 'toolCallRevoked':
        this.#held = undefined
        return this.end()
    }
  }

  /** The end of the last block. */
  end(): BlockEvent[] {
    if (this.#held) {
      const { name, text } = this.#held
      this.#held = undefined
      return [this.#start(toolUse(name)), this.#delta({ type: 'input_json_delta', partial_json: text }), ...this.end()]
    }
    if (this.#open === undefined) return []
    const signature =
      this.#open === 'thinking' ? [this.#delta({ type: 'signature_delta', signature: this.#sign() })] : []
    this.#open = undefined
    return [...signature, { type: 'content_block_stop', index: this.#index }]
  }

  #think(text: string): BlockEvent[] {
    const entered = this.#enter({ type: 'thinking', thinking: '', signature: '' })
    if (!this.#options.hidesThinking) return [...entered, this.#delta({ type: 'thinking_delta', thinking: text })]
    this.#hiddenThinking += text
    return entered
  }

  #sign(): string {
    const hidden = this.#hiddenThinking
    this.#hiddenThinking = ''
    return signatureOf(hidden)
  }

  /** Goes on with a block of this type, or begins one. */
  #enter(block: Text | Thinking): BlockEvent[] {
    return this.#open === block.type ? [] : [...this.end(), this.#start(block)]
  }

  #start(block: AnswerBlock): BlockEvent {
    this.#open = block.type
    return { type: 'content_block_start', index: ++this.#index, content_block: block }
  }

  #delta(delta: BlockDelta): BlockEvent {
    return { type: 'content_block_delta', index: this.#index, delta }
  }
}

function toolUse(name: string): ToolUse {
  const id = `toolu_${crypto.randomUUID().replaceAll('-', '')}`
  return { type: 'tool_use', id, name, input: {}, caller: { type: 'direct' } }
}
