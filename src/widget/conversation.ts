import type { ReactiveController, ReactiveControllerHost } from 'lit'
import { AnswerError, type Message, streamAnswer } from './client.ts'

export interface Turn extends Message {
  /** What the model thought before its answer; it is shown, but not part of the conversation. */
  readonly reasoning: string
  /** 'stopped' by the reader, 'cut' at the length limit, 'failed' with an error. User's turns are 'done'. */
  readonly state: 'streaming' | 'done' | 'stopped' | 'cut' | 'failed'
}

/** A conversation with one endpoint: its turns, and at most one answer under way. */
export class Conversation implements ReactiveController {
  readonly #host: ReactiveControllerHost & { readonly endpoint: string }
  #turns: readonly Turn[] = []
  #error: AnswerError | undefined
  #answering: AbortController | undefined

  constructor(host: ReactiveControllerHost & { readonly endpoint: string }) {
    this.#host = host
    host.addController(this)
  }

  get turns(): readonly Turn[] {
    return this.#turns
  }

  /** Why the last answer failed. */
  get error(): AnswerError | undefined {
    return this.#error
  }

  get answering(): boolean {
    return this.#answering !== undefined
  }

  hostDisconnected(): void {
    this.stop()
  }

  ask(content: string): Promise<void> {
    return this.#answer([...this.#turns, { role: 'user', content, reasoning: '', state: 'done' }])
  }

  /** Asks the last question again, in place of what came of its answer. */
  retry(): Promise<void> {
    return this.#answer(this.#turns.slice(0, this.#turns.findLastIndex(({ role }) => role === 'user') + 1))
  }

  /** Keeps the text so far. */
  stop(): void {
    this.#answering?.abort()
  }

  clear(): void {
    this.stop()
    this.#answering = undefined
    this.#error = undefined
    this.#turns = []
    this.#host.requestUpdate()
  }

  async #answer(question: readonly Turn[]): Promise<void> {
    this.stop()
    const abort = new AbortController()
    this.#answering = abort
    this.#error = undefined
    let content = ''
    let reasoning = ''
    const show = (state: Turn['state']) => {
      // A conversation that was cleared meanwhile is not brought back.
      if (this.#answering !== abort) return
      this.#turns = [...question, { role: 'assistant', content, reasoning, state }]
      this.#host.requestUpdate()
    }
    show('streaming')
    try {
      let end: Turn['state'] = 'done'
      for await (const event of streamAnswer(this.#host.endpoint, messagesOf(question), abort.signal)) {
        if (event.type === 'finish') end = event.reason === 'length' ? 'cut' : 'done'
        else if (event.type === 'reasoning') reasoning += event.text
        else content += event.text
        show('streaming')
      }
      show(end)
    } catch (error) {
      if (!abort.signal.aborted) this.#error = answerError(error)
      show(abort.signal.aborted ? 'stopped' : 'failed')
    }
    if (this.#answering === abort) this.#answering = undefined
    this.#host.requestUpdate()
  }
}

/** Answers that were stopped before their first word say nothing to the model. */
function messagesOf(turns: readonly Turn[]): Message[] {
  return turns.filter(({ content }) => content !== '').map(({ role, content }) => ({ role, content }))
}

function answerError(error: unknown): AnswerError {
  if (error instanceof AnswerError) return error
  return new AnswerError('unreadable', 'The answer of the server cannot be read.', { cause: error })
}
