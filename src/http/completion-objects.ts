import type { AnswersEvent, FinishReason, PromptLogprob } from '../chat/events.ts'
import { loopTurn } from '../generate/turn.ts'
import { CompletionLogprobs, type LegacyLogprobs } from './completion-logprobs.ts'
import { noticeFields, SourceFields } from './route-fields.ts'
import { type FinishEvent, timingsObject, usageObject } from './usage.ts'

interface Completions {
  readonly id: string
  readonly model: string
  /** The texts that answers begin with; left out: they begin with what is new. */
  readonly echo?: readonly string[]
  readonly prompts: number
  /** Answers to each prompt: the choices of a prompt follow each other. */
  readonly each: number
}

/** Makes the objects of OpenAI's completions, the API from before chats. */
export class TextCompletionObjects {
  readonly #created = Math.floor(Date.now() / 1000)
  readonly #completions: Completions

  constructor(completions: Completions) {
    this.#completions = completions
  }

  /** The whole completion, from the events after its start. `beat` is called at each of them. */
  async completion(events: AsyncIterable<AnswersEvent>, beat: () => void) {
    const { each, prompts } = this.#completions
    const texts = Array.from({ length: prompts * each }, (_, answer) => this.#echo(answer))
    const tokens: PromptLogprob[][] = texts.map(() => [])
    const finishes: FinishEvent[] = []
    for await (const { answer, event } of events) {
      beat()
      if (event.type === 'finish') finishes[answer] = event
      if (event.type === 'prompt') for (let i = 0; i < each; i++) tokens[answer + i].push(...event.logprobs)
      if (event.type !== 'content') continue
      texts[answer] += event.text
      tokens[answer].push(...(event.logprobs ?? []))
    }
    if (Object.keys(finishes).length < texts.length)
      throw new Error('the events of a completion ended without a finish')
    return {
      ...this.#head(),
      choices: texts.map((text, index) => ({
        ...choice(index, text, new CompletionLogprobs().lists(tokens[index])),
        finish_reason: finishes[index].reason,
      })),
      usage: usageObject(finishes, each),
      timings: timingsObject(finishes),
    }
  }

  /**
   * The chunks of a stream, from the events after its start; with `includeUsage` every chunk has a usage, null in all but the last. The last
   * one has llama-server's timings.
   */
  async *chunks(events: AsyncIterable<AnswersEvent>, includeUsage: boolean) {
    const { each, prompts, echo } = this.#completions
    const usage = includeUsage ? { usage: null } : {}
    const chunk = (one: object) => ({ ...this.#head(), choices: [one], ...usage })
    const logprobs = Array.from({ length: prompts * each }, () => new CompletionLogprobs())
    const opened = new Set<number>()
    /** Of the prompt that is answered now. */
    let promptTokens: readonly PromptLogprob[] = []
    const sources = new SourceFields()
    const finishes: FinishEvent[] = []
    for await (const { answer, event } of events) {
      if (answer % each === 0 && !opened.has(answer)) promptTokens = []
      if (event.type === 'prompt') promptTokens = event.logprobs
      if (!opened.has(answer)) {
        opened.add(answer)
        if (echo) yield chunk(choice(answer, this.#echo(answer), logprobs[answer].lists(promptTokens)))
      }
      if (event.type === 'content') {
        const said = choice(answer, event.text, logprobs[answer].lists(event.logprobs ?? []))
        yield { ...chunk(said), ...sources.take(answer) }
        // To ask for the next token, through all that stands between, would hold this one back.
        await loopTurn()
      }
      if (event.type === 'source') sources.hold(answer, event)
      if (event.type === 'moving' || event.type === 'recovered' || event.type === 'rescued') {
        const said = includeUsage
          ? { ...chunk(choice(answer, '', null)), choices: [] }
          : chunk(choice(answer, '', null))
        yield { ...said, ...noticeFields(event, answer) }
      }
      if (event.type === 'finish') {
        finishes[answer] = event
        const isLast = !includeUsage && Object.keys(finishes).length === prompts * each
        const timings = isLast ? { timings: timingsObject(finishes) } : {}
        yield {
          ...chunk({ ...choice(answer, '', null), finish_reason: event.reason }),
          ...timings,
          ...sources.take(answer),
        }
      }
    }
    if (includeUsage) {
      yield { ...this.#head(), choices: [], usage: usageObject(finishes, each), timings: timingsObject(finishes) }
    }
  }

  #echo(answer: number): string {
    const { echo, each } = this.#completions
    return echo?.[Math.floor(answer / each)] ?? ''
  }

  #head() {
    const { id, model } = this.#completions
    return { id, object: 'text_completion', created: this.#created, model }
  }
}

function choice(index: number, text: string, logprobs: LegacyLogprobs | null) {
  return { index, text, logprobs, finish_reason: null as FinishReason | null }
}
