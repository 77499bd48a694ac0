import { setImmediate } from 'node:timers/promises'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { answerTags } from '../../src/chat/tags.ts'
import { ChatTemplate } from '../../src/chat/template.ts'
import type { Distribution, DistributionQuery } from '../../src/generate/distribution.ts'
import type { LanguageModel, Sequence } from '../../src/generate/language-model.ts'
import { turn } from '../../src/generate/turn.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { distributionOf } from './array-distribution.ts'
import { grammarsFor } from './grammars.ts'

/** Ids 0 to 255 are bytes, the rest are these. */
const ADDED = ['<|im_start|>', '<|im_end|>', '<think>', '</think>', '<tool_call>', '</tool_call>']
const FIRST_ADDED = 256
const SPECIAL = new Set([256, 257])
const VOCAB_SIZE = FIRST_ADDED + ADDED.length
export const EOS_ID = 257

export const CHATML = `{%- if tools -%}<|im_start|>tools
{{ tools | tojson }}<|im_end|>
{% endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}{% if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}`

export const ASSISTANT_HEADER = '<|im_start|>assistant\n'

export class ByteTokenizer implements Tokenizer {
  readonly vocabSize = VOCAB_SIZE

  readonly addedTexts = ADDED

  encode(text: string, unmask = (stretch: string) => stretch): number[] {
    return text.split(/(<\|im_(?:start|end)\|>|<\/?(?:think|tool_call)>)/).flatMap((part) => {
      const added = ADDED.indexOf(part)
      return added >= 0 ? [FIRST_ADDED + added] : [...new TextEncoder().encode(unmask(part))]
    })
  }

  *encodeInSteps(
    text: string,
    maxIds: number,
    unmask?: (stretch: string) => string,
  ): Generator<void, number[] | undefined> {
    const ids = this.encode(text, unmask)
    yield
    return ids.length > maxIds ? undefined : ids
  }

  bytes(id: number): Uint8Array {
    if (id < FIRST_ADDED) return Uint8Array.of(id)
    return new TextEncoder().encode(this.isSpecial(id) ? '' : (ADDED[id - FIRST_ADDED] ?? ''))
  }

  isSpecial(id: number): boolean {
    return SPECIAL.has(id)
  }

  addedToken(text: string): number | undefined {
    const index = ADDED.indexOf(text)
    return index < 0 ? undefined : FIRST_ADDED + index
  }

  addsSpaceAfter(): boolean {
    return false
  }
}

class FakeSequence implements Sequence {
  readonly tokens: number[] = []
  readonly #released: () => void

  constructor(released: () => void) {
    this.#released = released
  }

  get length(): number {
    return this.tokens.length
  }

  truncate(length: number): void {
    this.tokens.length = length
  }

  release(): void {
    this.#released()
  }
}

/** What a fake model says, its whole answer: `answer` is what was made of it so far, with forced tokens and what the template began. */
export type Script = (prompt: string, answer: string) => string

/** Says what its script says, byte by byte, then EOS; the id after the scripted one is always the second choice. */
export class FakeModel implements LanguageModel {
  readonly vocabSize = VOCAB_SIZE
  readonly contextLength: number
  readonly #script: Script
  readonly #tokenizer = new ByteTokenizer()
  readonly #spells: boolean
  /** Tokens run forward after the prompt. */
  decoded = 0
  sequences = 0
  released = 0
  /** Awaited before every token after the prompt. */
  beforeDecode: () => Promise<void> = setImmediate

  /** @param spells the script has no tags: they are spelled, as by a model that has no tokens for them. */
  constructor(script: string | Script, contextLength = 4096, spells = false) {
    this.#spells = spells
    this.#script = typeof script === 'string' ? () => script : script
    this.contextLength = contextLength
  }

  createSequence(): Sequence {
    this.sequences++
    return new FakeSequence(() => this.released++)
  }

  async forward(sequence: Sequence, tokens: readonly number[], signal: AbortSignal): Promise<void> {
    await turn()
    if (signal.aborted) return
    const { tokens: held } = sequence as FakeSequence
    if (held.length + tokens.length > this.contextLength) throw new Error('the context is full')
    if (this.#answerStart(held) !== undefined) {
      await this.beforeDecode()
      this.decoded += tokens.length
    }
    held.push(...tokens)
  }

  async distribution(
    sequence: Sequence,
    { adjustments, temperature, allowed }: DistributionQuery,
  ): Promise<Distribution> {
    const { tokens } = sequence as FakeSequence
    const start = this.#answerStart(tokens)
    if (start === undefined) throw new Error('the prompt does not end with the header of an answer')
    const text = this.#script(this.#text(tokens.slice(0, start)), this.#text(tokens.slice(start)))
    const script = this.#spells ? [...new TextEncoder().encode(text)] : this.#tokenizer.encode(text)
    const next = script[tokens.length - start] ?? EOS_ID
    const logits = new Float32Array(VOCAB_SIZE)
    logits[next] = 20
    logits[(next + 1) % VOCAB_SIZE] = 10
    return distributionOf(logits, adjustments, temperature, allowed)
  }

  #answerStart(tokens: readonly number[]): number | undefined {
    const header = this.#tokenizer.encode(ASSISTANT_HEADER)
    const start = tokens.lastIndexOf(header[0])
    const end = start + header.length
    return start >= 0 && header.every((id, index) => tokens[start + index] === id) ? end : undefined
  }

  #text(ids: readonly number[]): string {
    return new TextDecoder().decode(Uint8Array.from(ids.flatMap((id) => [...this.#tokenizer.bytes(id)])))
  }
}

/** A template that knows the tokens of the fake model. */
export function templateFor(source: string): ChatTemplate {
  const { addedTexts } = new ByteTokenizer()
  return new ChatTemplate(source, { bosToken: '<|im_start|>', eosToken: '<|im_end|>', addedTexts })
}

/** A chat model around a fake one; greedy, unless a request says otherwise. */
export function fakeChat(language: LanguageModel, overrides: Partial<ChatModel> = {}): ChatModel {
  const tokenizer = new ByteTokenizer()
  return {
    id: 'fake-model',
    created: 1_700_000_000,
    language,
    tokenizer,
    grammars: grammarsFor(tokenizer, [EOS_ID], language.vocabSize),
    tags: answerTags(tokenizer),
    template: templateFor(CHATML),
    eosIds: [EOS_ID],
    bosId: null,
    addBos: false,
    defaults: { temperature: 0 },
    ...overrides,
  }
}
