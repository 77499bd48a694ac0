import type { Manifest } from '../../src/weights/manifest.ts'

export { nanbeigeConfig as nanbeige } from '../../test/support/model-shape.ts'

export const nanbeigeTokens: Manifest['tokens'] = { bos: 166100, eos: [166101], addBos: false }

/** Columns that share a scale in the random packs. */
export const GROUP_SIZE = 128

/** Planes of every matrix of a random pack, the embedding and the head among them. */
export const planeCounts = [2, 3, 4] as const
export type PlaneCount = (typeof planeCounts)[number]

/** Tokens of context behind which decoding can be timed. */
export const contextLengths = [128, 2048, 8192, 16384] as const
export type ContextLength = (typeof contextLengths)[number]
/** Those behind which it is, unless others are asked for; always those of a pipeline. */
export const CONTEXTS = [128, 2048] as const
/** Tokens of the prompt whose prefill is timed. */
export const PREFILL_TOKENS = 512
/** Tokens that are generated behind a context, at most. */
const GENERATED = 64
/** Tokens that a sequence can hold: the longest context, and what is generated behind it. */
export const capacityFor = (contexts: readonly number[]) => Math.max(...contexts) + GENERATED
export const CONTEXT_LENGTH = capacityFor(CONTEXTS)
