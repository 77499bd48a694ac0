import type { Manifest, ModelConfig } from '../../src/weights/manifest.ts'

/** Nanbeige4-3B: the config.json of the 4.1 release, which is 2511's but for the limits of its context. */
export const nanbeige: ModelConfig = {
  architecture: 'llama',
  hiddenSize: 2560,
  intermediateSize: 10496,
  layerCount: 32,
  headCount: 20,
  kvHeadCount: 4,
  headDim: 128,
  vocabSize: 166144,
  ropeTheta: 70_000_000,
  ropeLayout: 'half',
  rmsNormEps: 1e-5,
  maxPositionEmbeddings: 262_144,
  tiedEmbedding: false,
}

export const nanbeigeTokens: Manifest['tokens'] = { bos: 166100, eos: [166101], addBos: false }

/** Columns that share a scale in the random packs. */
export const GROUP_SIZE = 128

/** Planes of every matrix of a random pack, the embedding and the head among them. */
export const planeCounts = [2, 3, 4] as const
export type PlaneCount = (typeof planeCounts)[number]

/** Tokens of context behind which decoding is timed. */
export const CONTEXTS = [128, 2048] as const
/** Tokens of the prompt whose prefill is timed. */
export const PREFILL_TOKENS = 512
/** Tokens that a sequence can hold: the longest context, and what is generated behind it. */
export const CONTEXT_LENGTH = 2048 + 64
