import type { GeneratedToken, TokenLogprobs } from '../generate/types.ts'
import type { Tokenizer } from '../tokenizer/tokenizer.ts'
import type { ChatLogprob, ChatTokenLogprob, PromptLogprob } from './events.ts'

/** What OpenAI's API reports for a token out of reach; minus infinity is no JSON. */
const LEAST_LOGPROB = -9999

/** One token's logprobs in OpenAI's chat form. */
export function chatLogprob(tokenizer: Tokenizer, token: GeneratedToken): ChatLogprob | undefined {
  if (!token.logprobs) return undefined
  return {
    ...tokenLogprob(tokenizer, token.id, token.logprobs.logprob),
    top_logprobs: token.logprobs.top.map(({ id, logprob }) => tokenLogprob(tokenizer, id, logprob)),
  }
}

/** The tokens of a prompt. @param scored the logprobs of all but the first. */
export function promptLogprobs(
  tokenizer: Tokenizer,
  ids: readonly number[],
  scored: readonly TokenLogprobs[],
): PromptLogprob[] {
  const first = { ...tokenLogprob(tokenizer, ids[0], 0), logprob: null, top_logprobs: [] }
  return [first, ...scored.map((logprobs, index) => chatLogprob(tokenizer, { id: ids[index + 1], logprobs })!)]
}

function tokenLogprob(tokenizer: Tokenizer, id: number, logprob: number): ChatTokenLogprob {
  const bytes = tokenizer.bytes(id)
  const shown = bytes.length > 0
  return {
    token: shown ? new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytes) : `token_id:${id}`,
    bytes: shown ? [...bytes] : null,
    logprob: Math.max(logprob, LEAST_LOGPROB),
  }
}

/** Keeps the logprobs of tokens until the text of these tokens is delivered. */
export class PendingLogprobs {
  readonly #pending: { logprob: ChatLogprob; start: number }[] = []
  #detokenized = 0
  #delivered = 0

  /** `text`: what the detokenizer gave for this token; may be empty while a character is incomplete. */
  add(logprob: ChatLogprob | undefined, text: string): void {
    if (logprob) this.#pending.push({ logprob, start: this.#detokenized })
    this.#detokenized += text.length
  }

  /** The logprobs of all tokens that have a part in the next `length` UTF-16 units of text. */
  deliver(length: number): ChatLogprob[] {
    this.#delivered += length
    const later = this.#pending.findIndex(({ start }) => start >= this.#delivered)
    return this.#pending.splice(0, later < 0 ? this.#pending.length : later).map(({ logprob }) => logprob)
  }

  /** The rest, when no more text will come. */
  flush(): ChatLogprob[] {
    return this.#pending.splice(0).map(({ logprob }) => logprob)
  }
}
