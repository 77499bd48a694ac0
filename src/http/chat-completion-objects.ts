import type { AnswersEvent, FinishReason } from '../chat/events.ts'
import { loopTurn } from '../generate/turn.ts'
import { chunkChoice, isSaying, WholeChoice } from './chat-completion-choice.ts'
import { noticeFields, SourceFields } from './route-fields.ts'
import { type FinishEvent, timingsObject, usageObject } from './usage.ts'

/** Makes the objects of one chat completion, whole or in chunks, in OpenAI's form. */
export class CompletionObjects {
  readonly #id: string
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #model: string
  readonly #answers: number

  /** @param answers to the one prompt, each a choice. */
  constructor(id: string, model: string, answers = 1) {
    this.#id = id
    this.#model = model
    this.#answers = answers
  }

  /** The whole completion, from the events after its start. `beat` is called at each of them. */
  async completion(events: AsyncIterable<AnswersEvent>, beat: () => void) {
    const choices = Array.from({ length: this.#answers }, () => new WholeChoice())
    const finishes: FinishEvent[] = []
    for await (const { answer, event } of events) {
      beat()
      if (event.type === 'finish') finishes[answer] = event
      else if (isSaying(event)) choices[answer].add(event)
    }
    if (Object.keys(finishes).length < this.#answers)
      throw new Error('the events of a completion ended without a finish')
    return {
      ...this.#head('chat.completion'),
      choices: choices.map(({ message, logprobs }, index) => ({
        index,
        message,
        logprobs,
        finish_reason: finishes[index].reason,
      })),
      usage: usageObject(finishes, this.#answers),
      timings: timingsObject(finishes),
    }
  }

  /**
   * The chunks of a stream, from the events after its start; with `includeUsage` every chunk has a usage, null in all but the last. The last
   * one has llama-server's timings.
   */
  async *chunks(events: AsyncIterable<AnswersEvent>, includeUsage: boolean) {
    const usage = includeUsage ? { usage: null } : {}
    const opened = new Set<number>()
    const open = (answer: number) => {
      opened.add(answer)
      return { ...this.#chunk(answer, { role: 'assistant', content: '' }), ...usage }
    }
    yield open(0)
    const sources = new SourceFields()
    const finishes: FinishEvent[] = []
    for await (const { answer, event } of events) {
      if (event.type === 'start' || event.type === 'prompt') continue
      if (!opened.has(answer)) yield open(answer)
      if (event.type === 'source') {
        sources.hold(answer, event)
        continue
      }
      if (event.type === 'finish') {
        finishes[answer] = event
        const isLast = !includeUsage && Object.keys(finishes).length === this.#answers
        const timings = isLast ? { timings: timingsObject(finishes) } : {}
        yield { ...this.#chunk(answer, {}, null, event.reason), ...usage, ...timings, ...sources.take(answer) }
        continue
      }
      if (!isSaying(event)) {
        // Clients that ask for the usage know chunks without a choice; others may take the first choice of any.
        const chunk = includeUsage ? { ...this.#head('chat.completion.chunk'), choices: [] } : this.#chunk(answer, {})
        yield { ...chunk, ...usage, ...noticeFields(event, answer) }
        continue
      }
      const choice = chunkChoice(event)
      if (!choice) continue
      yield { ...this.#chunk(answer, choice.delta, choice.logprobs), ...usage, ...sources.take(answer) }
      // To ask for the next token, through all that stands between, would hold this one back.
      await loopTurn()
    }
    if (includeUsage) {
      const last = { usage: usageObject(finishes, this.#answers), timings: timingsObject(finishes) }
      yield { ...this.#head('chat.completion.chunk'), choices: [], ...last }
    }
  }

  #head(object: string) {
    return { id: this.#id, object, created: this.#created, model: this.#model }
  }

  #chunk(index: number, delta: object, logprobs: object | null = null, finishReason: FinishReason | null = null) {
    return {
      ...this.#head('chat.completion.chunk'),
      choices: [{ index, delta, logprobs, finish_reason: finishReason }],
    }
  }
}
