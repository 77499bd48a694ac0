import { type Access, type Message, streamAnswer } from '../widget/client.ts'

export interface Talk extends Access {
  /** Address of an OpenAI-compatible API, without /v1. */
  readonly endpoint: string
}

export interface Piece {
  /** 'note': what is to be said about the answer, in brackets. */
  readonly type: 'reasoning' | 'text' | 'note'
  readonly text: string
}

/** A conversation with one server. */
export class ChatSession {
  readonly #talk: Talk
  #messages: readonly Message[] = []

  constructor(talk: Talk) {
    this.#talk = talk
  }

  get model(): string {
    return this.#talk.model!
  }

  /**
   * The answer to the next message, as it comes. One that is stopped by the signal stays in the conversation as far as it came; a question that
   * failed does not. Throws AnswerError.
   */
  async *ask(content: string, signal: AbortSignal): AsyncGenerator<Piece, void> {
    const { endpoint, ...access } = this.#talk
    const messages: readonly Message[] = [...this.#messages, { role: 'user', content }]
    let answer = ''
    const keep = () => {
      this.#messages = answer === '' ? this.#messages : [...messages, { role: 'assistant', content: answer }]
    }
    try {
      for await (const event of streamAnswer(endpoint, messages, signal, access)) {
        if (event.type === 'text' || event.type === 'reasoning') yield event
        if (event.type === 'finish' && event.reason === 'length') {
          yield { type: 'note', text: 'cut: no more tokens are allowed' }
        }
        if (event.type === 'text') answer += event.text
      }
      keep()
    } catch (error) {
      if (!signal.aborted) throw error
      keep()
      yield { type: 'note', text: 'stopped' }
    }
  }

  reset(): void {
    this.#messages = []
  }
}
