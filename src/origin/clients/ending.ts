import type { Exchange } from '../exchange.ts'
import type { OriginFinish } from './client.ts'

/** What servers call the two ends that an answer can have. */
const ENDS: ReadonlyMap<string, OriginFinish> = new Map([
  ['stop', 'stop'],
  ['eos', 'stop'],
  // TGI and those that follow it.
  ['eos_token', 'stop'],
  ['stop_sequence', 'stop'],
  ['end_turn', 'stop'],
  ['length', 'length'],
  // llama-server
  ['limit', 'length'],
  ['max_tokens', 'length'],
  // Mistral
  ['model_length', 'length'],
])

/**
 * How an answer ended, by the origin's word for it. Throws OriginError for all others: after 'abort' and 'error' there would be
 * more, after 'tool_calls' a part of the answer is elsewhere than in its text, and of an unknown word nobody knows. Whoever goes on
 * from there ends at once where the answer was whole.
 */
export function endingOf(exchange: Exchange, reason: string): OriginFinish {
  const end = ENDS.get(reason)
  if (end) return end
  const code = reason === 'content_filter' ? 'content_filtered' : 'server_error'
  throw exchange.error(code, `it ended the answer with '${reason}'.`)
}
