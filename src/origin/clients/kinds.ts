import type { OriginClient } from './client.ts'
import { llamaServer } from './llama-server.ts'
import { sglang } from './sglang.ts'
import { vllm } from './vllm.ts'

/** The kinds of origins, by the names that they have in the configuration. */
export const KINDS = {
  vllm,
  sglang,
  'llama-server': llamaServer,
  /** Any server of OpenAI's /v1/completions. */
  openai: { lacks: { stopRules: "OpenAI's completions have no min_tokens and ignore_eos." } },
} satisfies Record<string, OriginClient>

export type OriginKind = keyof typeof KINDS

export const KIND_NAMES = Object.keys(KINDS) as readonly OriginKind[]

export function clientOf(kind: OriginKind): OriginClient {
  return KINDS[kind]
}
