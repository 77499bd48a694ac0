import { median } from '../support/median.ts'
import { ask, type Message } from './ask.ts'

export interface Chat {
  readonly url: string
  readonly key: string
  /** One for each turn, none of which has asked anything before. */
  readonly keys: readonly string[]
  readonly turns: number
  readonly maxTokens: number
}

/** The turns of a chat, each also asked with a key of its own, for which all of it is computed anew. */
export async function identicalTurns({ url, key, keys, turns, maxTokens }: Chat) {
  const messages: Message[] = []
  let identical = 0
  const first = { kept: [] as number[], anew: [] as number[] }
  let cached = 0
  for (let turn = 0; turn < turns; turn++) {
    messages.push({ role: 'user', content: `Question ${turn}: why?` })
    const body = { messages, max_tokens: maxTokens, temperature: 1, seed: turn }
    const kept = await ask(url, body, { key })
    const anew = await ask(url, body, { key: keys[turn] })
    if (anew.cachedTokens > 0) throw new Error('a new key has found something')
    if (kept.text === anew.text) identical++
    if (turn > 0) cached += kept.cachedTokens / kept.promptTokens
    first.kept.push(kept.times[0])
    first.anew.push(anew.times[0])
    messages.push({ role: 'assistant', content: kept.text })
  }
  return {
    identical: `${identical} of ${turns}`,
    'tokens kept, on average': `${((100 * cached) / (turns - 1)).toFixed(0)} %`,
    'first token, median': `${median(first.kept).toFixed(0)} ms`,
    'without reuse': `${median(first.anew).toFixed(0)} ms`,
  }
}
