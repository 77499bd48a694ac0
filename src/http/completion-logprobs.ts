import type { ChatTokenLogprob, PromptLogprob } from '../chat/events.ts'

/** The logprobs of completions as OpenAI's API had them before chats: lists side by side. */
export interface LegacyLogprobs {
  readonly tokens: string[]
  readonly token_logprobs: (number | null)[]
  /** The likeliest tokens, and the token itself. */
  readonly top_logprobs: (Record<string, number> | null)[]
  /** Where each token begins in the text, in characters. */
  readonly text_offset: number[]
}

/** Puts the logprobs of one text's tokens side by side, as they come. */
export class CompletionLogprobs {
  readonly #decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
  #offset = 0

  /** The next tokens; null where there are none. */
  lists(tokens: readonly PromptLogprob[]): LegacyLogprobs | null {
    if (tokens.length === 0) return null
    const lists: LegacyLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
    for (const token of tokens) {
      const { logprob, top_logprobs } = token
      const name = nameOf(token)
      lists.tokens.push(name)
      lists.token_logprobs.push(logprob)
      const likeliest = top_logprobs.map((top): [string, number] => [nameOf(top), top.logprob])
      lists.top_logprobs.push(logprob === null ? null : Object.fromEntries([...likeliest, [name, logprob]]))
      lists.text_offset.push(this.#offset)
      // Code points, as Python counts; those of an unfinished character begin with it.
      this.#offset += [...this.#decoder.decode(Uint8Array.from(token.bytes ?? []), { stream: true })].length
    }
    return lists
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** As OpenAI's API names tokens, so that two which are parts of characters do not fall into one. */
function nameOf({ token, bytes }: Pick<ChatTokenLogprob, 'token' | 'bytes'>): string {
  if (!bytes) return token
  try {
    return utf8.decode(Uint8Array.from(bytes))
  } catch {
    return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
  }
}
