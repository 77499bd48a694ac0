import { setImmediate } from 'node:timers/promises'
import type { ChatModel } from '../src/chat/chat-model.ts'
import { ChatTemplate } from '../src/chat/template.ts'
import type { Adjustment, Candidates, Distribution } from '../src/generate/distribution.ts'
import type { LanguageModel, Sequence } from '../src/generate/language-model.ts'
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts'

/** Ids 0 to 255 are bytes, the rest are these. */
const ADDED = ['<|im_start|>', '<|im_end|>', '<think>', '</think>']
const FIRST_ADDED = 256
const SPECIAL = new Set([256, 257])
const VOCAB_SIZE = FIRST_ADDED + ADDED.length
export const EOS_ID = 257

export const CHATML = `{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}`

const ASSISTANT_HEADER = '<|im_start|>assistant\n'

export class ByteTokenizer implements Tokenizer {
  readonly vocabSize = VOCAB_SIZE

  encode(text: string): number[] {
    return text.split(/(<\|im_start\|>|<\|im_end\|>|<\/?think>)/).flatMap((part) => {
      const added = ADDED.indexOf(part)
      return added >= 0 ? [FIRST_ADDED + added] : [...new TextEncoder().encode(part)]
    })
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

/** Says what its script says, byte by byte, then EOS; the byte after the scripted one is always the second choice. */
export class FakeModel implements LanguageModel {
  readonly vocabSize = VOCAB_SIZE
  readonly contextLength: number
  readonly chunkLength = 64
  readonly #answer: (prompt: string) => string
  readonly #tokenizer = new ByteTokenizer()
  /** Tokens run forward after the prompt. */
  decoded = 0
  sequences = 0
  released = 0
  /** Awaited before every token after the prompt. */
  beforeDecode: () => Promise<void> = setImmediate

  constructor(answer: string | ((prompt: string) => string), contextLength = 4096) {
    this.#answer = typeof answer === 'string' ? () => answer : answer
    this.contextLength = contextLength
  }

  createSequence(): Sequence {
    this.sequences++
    return new FakeSequence(() => this.released++)
  }

  async forward(sequence: Sequence, tokens: readonly number[]): Promise<void> {
    const { tokens: held } = sequence as FakeSequence
    if (held.length + tokens.length > this.contextLength) throw new Error('the context is full')
    if (this.#answerStart(held) !== undefined) {
      await this.beforeDecode()
      this.decoded += tokens.length
    }
    held.push(...tokens)
  }

  async distribution(sequence: Sequence, adjustments: readonly Adjustment[]): Promise<Distribution> {
    const { tokens } = sequence as FakeSequence
    const start = this.#answerStart(tokens)
    if (start === undefined) throw new Error('the prompt does not end with the header of an answer')
    const script = this.#tokenizer.encode(this.#answer(this.#text(tokens.slice(0, start))))
    const next = script[tokens.length - start] ?? EOS_ID
    const logits = new Float32Array(VOCAB_SIZE)
    logits[next] = 20
    logits[(next + 1) % VOCAB_SIZE] = 10
    return new LogitsDistribution(logits, adjustments)
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

class LogitsDistribution implements Distribution {
  readonly vocabSize = VOCAB_SIZE
  readonly #raw: Float32Array
  readonly #adjusted: Float32Array

  constructor(raw: Float32Array, adjustments: readonly Adjustment[]) {
    this.#raw = raw
    this.#adjusted = raw.slice()
    for (const { id, scale, add } of adjustments) {
      const logit = raw[id]
      this.#adjusted[id] = (logit < 0 ? logit * scale : logit / scale) + add
    }
  }

  top(count: number): Candidates {
    return best(this.#adjusted, count)
  }

  logSumExp(temperature: number): number {
    return logSumExp(this.#adjusted, temperature)
  }

  rawLogit(id: number): number {
    return this.#raw[id]
  }

  rawTop(count: number): Candidates {
    return best(this.#raw, count)
  }

  rawLogSumExp(): number {
    return logSumExp(this.#raw, 1)
  }
}

function best(logits: Float32Array, count: number): Candidates {
  const ids = Int32Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b)
  const top = ids.slice(0, count)
  return { ids: top, logits: Float32Array.from(top, (id) => logits[id]) }
}

function logSumExp(logits: Float32Array, temperature: number): number {
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit / temperature), 0))
}

/** A chat model around a fake one; greedy, unless a request says otherwise. */
export function fakeChat(language: LanguageModel, overrides: Partial<ChatModel> = {}): ChatModel {
  return {
    id: 'fake-model',
    created: 1_700_000_000,
    language,
    tokenizer: new ByteTokenizer(),
    template: new ChatTemplate(CHATML, '<|im_start|>', '<|im_end|>'),
    eosIds: [EOS_ID],
    bosId: null,
    addBos: false,
    defaults: { temperature: 0 },
    ...overrides,
  }
}
