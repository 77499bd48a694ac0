import type { LanguageModel } from '../generate/language-model.ts'
import type { SamplingParams } from '../generate/types.ts'
import type { Grammars } from '../grammar/grammars.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { Tags } from './tags.ts'
import type { ChatTemplate } from './template.ts'

/** A language model with all it takes to chat. */
export interface ChatModel {
  readonly id: string
  /** Unix time in seconds. */
  readonly created: number
  readonly language: LanguageModel
  readonly tokenizer: Tokenizer
  readonly template: ChatTemplate
  readonly grammars: Grammars
  /** Tokens that mark reasoning and tool calls. */
  readonly tags: Tags
  /** Tokens that end an answer. */
  readonly eosIds: readonly number[]
  readonly bosId: number | null
  /** Start every prompt with the BOS token, unless the template wrote it. */
  readonly addBos: boolean
  /** The model's own sampling settings, for what a request leaves open. */
  readonly defaults: Partial<SamplingParams>
}
