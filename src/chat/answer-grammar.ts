import type { TokenMask } from '../generate/distribution.ts'
import { add, emptyMask, fullMask, has, isEmpty, remove } from '../generate/token-mask.ts'
import type { Steering } from '../generate/types.ts'
import type { Grammar, Matcher } from '../grammar/matcher.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { AnswerGrammars } from './answer-grammars.ts'
import type { AnswerParser } from './answer-parser.ts'
import { ChatRequestError } from './errors.ts'
import { idOf, type Tags } from './tags.ts'

/** Newlines that templates write between reasoning and answer. */
const FRAME = 2

export interface AnswerGrammarOptions {
  readonly parser: AnswerParser
  readonly tokenizer: Tokenizer
  readonly tags: Tags
  readonly eosIds: readonly number[]
  readonly vocabSize: number
  /** The last id of the prompt. */
  readonly previous: number
  readonly grammars: Pick<AnswerGrammars, 'content' | 'call' | 'mustCall'>
  /** The EOS token does not end the answer before it is whole. */
  readonly ignoreEos: boolean
  readonly parallelToolCalls: boolean
}

/** A text that a grammar holds: the content, or what stands in a call. */
export interface Stretch {
  readonly grammar: Grammar
  /** Its tokens so far. */
  readonly ids: readonly number[]
  /** The token before it. */
  readonly previous: number
}

type Phase = 'start' | 'reasoning' | 'content' | 'call' | 'afterCall'

/**
 * Holds an answer to grammars: its content from the first character behind the reasoning, a tool call from its tag on. Reasoning is free, but
 * the answer cannot end in it. The parser says where the answer stands; tags are tokens of their own, which no grammar has.
 */
export class AnswerGrammar implements Pick<Steering, 'ended' | 'allowed'> {
  readonly #options: AnswerGrammarOptions
  readonly #think: number | undefined
  readonly #openCall: number | undefined
  readonly #closeCall: number | undefined
  #phase: Phase
  /** The last token: some tokenizers put a space behind it, which is no part of the text. */
  #previous: number
  #matcher: Matcher | undefined
  #stretch: (Stretch & { readonly ids: number[] }) | undefined
  /** Newlines that may still stand before the answer, or before the next call. */
  #frame = 0
  #hasReasoned = false
  /** Of the present place, once it is asked for. */
  #mask: TokenMask | undefined

  constructor(options: AnswerGrammarOptions) {
    this.#options = options
    this.#previous = options.previous
    this.#think = idOf(options.tags, '<think>')
    this.#openCall = idOf(options.tags, '<tool_call>')
    this.#closeCall = idOf(options.tags, '</tool_call>')
    this.#phase = 'reasoning'
    if (!options.parser.inReasoning) this.#begin('start', options.grammars.content)
  }

  ended(): boolean {
    return (this.#phase === 'content' || this.#phase === 'afterCall') && this.#allowsOnly(this.#options.eosIds)
  }

  get phase(): Phase {
    return this.#phase
  }

  /** The text that a grammar holds here; undefined: there is none, or something else may come in its place. */
  get stretch(): Stretch | undefined {
    return this.#phase !== 'start' || this.mustBegin ? this.#stretch : undefined
  }

  /** Here the answer begins, with nothing but its content or nothing but a call. */
  get mustBegin(): boolean {
    const { content, call, mustCall } = this.#options.grammars
    const mayReason = this.#think !== undefined && !this.#hasReasoned
    return this.#phase === 'start' && !mayReason && (mustCall || (content !== undefined && !call))
  }

  /** Newlines may stand here before the answer, as many as after reasoning. */
  get isUnframed(): boolean {
    return this.#frame === FRAME
  }

  get onlyCalls(): boolean {
    return this.#options.grammars.mustCall
  }

  /** The tags of a call. */
  get callTags(): { readonly open: number | undefined; readonly close: number | undefined } {
    return { open: this.#openCall, close: this.#closeCall }
  }

  /** What stands in a call is whole, and nothing but its end can follow. */
  get mustClose(): boolean {
    return this.#phase === 'call' && this.#allowsOnly([this.#closeCall!])
  }

  #allowsOnly(ids: readonly number[]): boolean {
    const others = this.allowed()?.slice()
    if (!others) return false
    const allowsThem = ids.some((id) => has(others, id))
    remove(others, ids)
    return allowsThem && isEmpty(others)
  }

  /** Throws ChatRequestError where a grammar goes on with no token. */
  allowed(): TokenMask | undefined {
    this.#mask ??= this.#wanted()
    if (this.#mask && isEmpty(this.#mask)) throw deadEnd()
    return this.#mask
  }

  #wanted(): TokenMask | undefined {
    const mask = this.#allowed()
    if (!mask || !this.#options.ignoreEos) return mask
    const others = mask.slice()
    remove(others, this.#options.eosIds)
    return isEmpty(others) ? mask : others
  }

  /** Takes note of the next token, which the parser has read. */
  push(id: number): void {
    this.#mask = undefined
    this.#previous = id
    this.#step(id)
  }

  dispose(): void {
    this.#endMatcher()
  }

  #allowed(): TokenMask | undefined {
    const { eosIds, vocabSize, parallelToolCalls } = this.#options
    const { content, call, mustCall } = this.#options.grammars
    switch (this.#phase) {
      case 'reasoning': {
        if (!content && !mustCall) return undefined
        const mask = fullMask(vocabSize)
        remove(mask, eosIds)
        return mask
      }
      case 'start': {
        if (!content && !mustCall) return undefined
        const mask = this.#matcher?.allowed() ?? emptyMask(vocabSize)
        if (call) add(mask, [this.#openCall!])
        if (this.#think !== undefined && !this.#hasReasoned) add(mask, [this.#think])
        add(mask, this.#framing().keys())
        return mask
      }
      case 'content':
        return this.#matcher?.allowed()
      case 'call': {
        const mask = this.#matcher?.allowed()
        if (!mask) return undefined
        const mayEnd = eosIds.some((id) => has(mask, id))
        remove(mask, eosIds)
        if (mayEnd) add(mask, [this.#closeCall!])
        return mask
      }
      case 'afterCall': {
        if (!content && !mustCall) return undefined
        const mask = emptyMask(vocabSize)
        if (this.#frame > 0) add(mask, eosIds)
        if (parallelToolCalls) add(mask, [this.#openCall!, ...this.#framing().keys()])
        return mask
      }
    }
  }

  #step(id: number): void {
    const { parser, grammars } = this.#options
    const isCall = id === this.#openCall && parser.inToolCall && this.#phase !== 'call'
    if (parser.inReasoning) {
      this.#endMatcher()
      this.#phase = 'reasoning'
      this.#hasReasoned = true
    } else if (this.#phase === 'reasoning') {
      this.#hasReasoned = true
      this.#frame = FRAME
      this.#begin('start', grammars.content)
    } else if (isCall) {
      this.#begin('call', grammars.call)
    } else if (this.#phase === 'call') {
      if (parser.inToolCall) this.#accept(id)
      else this.#endCall()
    } else if (this.#phase === 'afterCall') {
      this.#frame = 0
    } else if (this.#phase === 'start' && this.#framing().has(id)) {
      this.#frame -= this.#framing().get(id)!
      this.#begin('start', grammars.content)
    } else {
      this.#accept(id)
      this.#phase = 'content'
    }
  }

  /** A grammar begins behind the last token. */
  #begin(phase: 'start' | 'call', grammar: Grammar | undefined): void {
    this.#endMatcher()
    this.#phase = phase
    this.#matcher = grammar?.matcher(this.#options.tokenizer.addsSpaceAfter(this.#previous))
    this.#stretch = grammar && { grammar, ids: [], previous: this.#previous }
  }

  #accept(id: number): void {
    if (this.#matcher && !this.#matcher.accept(id)) throw new Error(`token ${id} is not in the grammar of the answer`)
    this.#stretch?.ids.push(id)
  }

  #endCall(): void {
    this.#endMatcher()
    this.#phase = 'afterCall'
    this.#frame = 1
  }

  #endMatcher(): void {
    this.#matcher?.dispose()
    this.#matcher = undefined
    this.#stretch = undefined
  }

  /** The tokens that may stand before the answer without being a part of it, with their newlines. */
  #framing(): ReadonlyMap<number, number> {
    if (!this.#hasReasoned && this.#phase === 'start') return new Map()
    const { tokenizer, vocabSize } = this.#options
    const dropsSpace = tokenizer.addsSpaceAfter(this.#previous)
    return new Map(
      newlineTokens(tokenizer, vocabSize)
        .filter(({ newlines, hasSpace }) => newlines <= this.#frame && (dropsSpace || !hasSpace))
        .map(({ id, newlines }) => [id, newlines]),
    )
  }
}

interface NewlineToken {
  readonly id: number
  readonly newlines: number
  /** It begins with a space, which is dropped where the tokenizer puts one. */
  readonly hasSpace: boolean
}

const newlineTokensOf = new WeakMap<Tokenizer, readonly NewlineToken[]>()

/** Tokens of one or two newlines and nothing else. */
function newlineTokens(tokenizer: Tokenizer, vocabSize: number): readonly NewlineToken[] {
  const known = newlineTokensOf.get(tokenizer)
  if (known) return known
  const tokens: NewlineToken[] = []
  for (let id = 0; id < vocabSize; id++) {
    const bytes = tokenizer.bytes(id)
    if (bytes.length === 0 || bytes.length > FRAME + 1) continue
    const hasSpace = bytes[0] === 0x20
    const rest = hasSpace ? bytes.subarray(1) : bytes
    if (rest.every((byte) => byte === 0x0a)) tokens.push({ id, newlines: rest.length, hasSpace })
  }
  newlineTokensOf.set(tokenizer, tokens)
  return tokens
}

function deadEnd(): ChatRequestError {
  return new ChatRequestError(
    'grammar_dead_end',
    'The grammar of the answer goes on with no text that the model can write: one of its rules has no end.',
    null,
  )
}
