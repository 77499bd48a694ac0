import { z } from 'zod'
import type { Exchange } from '../exchange.ts'
import { tokenIds } from './client.ts'

const tokenized = z.object({ tokens: tokenIds })

/** The ids that POST /tokenize answers, as vLLM and llama-server have it. Throws OriginError. */
export async function postTokenize(exchange: Exchange, body: object): Promise<readonly number[]> {
  const { success, data } = tokenized.safeParse(await exchange.json('/tokenize', body))
  if (!success) throw exchange.error('garbage', '/tokenize answers no tokens.')
  return data.tokens
}
