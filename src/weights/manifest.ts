import { z } from 'zod'

/** Version of the pack format; a reader refuses every other. */
export const PACK_VERSION = 1
/** Largest shard file: the limit of a Workers static asset. */
export const MAX_SHARD_BYTES = 25 * 1024 * 1024
/** Most tokens of a vocabulary. */
export const MAX_VOCABULARY = 1 << 20
/** Most shards of a pack, and spans of a tensor. */
const MAX_FILES = 1 << 16

const count = z.int().nonnegative()
const positive = z.int().positive()
/** A size or a number of things; each limit is well above any model that can be packed, and holds before anything is allocated. */
const upTo = (most: number) => positive.max(most)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/** A run of bytes in a shard. `sha256` is of exactly these bytes, so that a stage can check what it reads of a shard. */
const span = z.strictObject({ shard: z.string(), offset: count, bytes: positive, sha256 })

/** A matrix in the bit-plane layout of assembly/layout.ts. Spans split it between tiles, in order. */
const planesTensor = z.strictObject({
  name: z.string(),
  kind: z.literal('planes'),
  shape: z.tuple([positive, positive]).describe('rows (outputs), columns (inputs)'),
  planes: z.int().min(1).max(8),
  groupSize: z.union([z.literal(32), z.literal(64), z.literal(128)]),
  /** Of packs that were made when others were thought of. */
  levels: z.literal('uniform').optional(),
  /** Added to q where no minimum is stored: w = scale * (q + zeroPoint). null: a minimum is stored, w = scale * q + min. */
  zeroPoint: z.number().nullable(),
  /** A group's scale is so many steps of its row's; absent: a half float of its own. The zero point is then the middle of the levels. */
  scales: z.literal('steps').optional(),
  spans: z.array(span).min(1).max(MAX_FILES),
})

/** A float32 vector, little endian. */
const floatTensor = z.strictObject({
  name: z.string(),
  kind: z.literal('f32'),
  shape: z.tuple([positive]),
  spans: z.array(span).length(1),
})

export const modelConfig = z.strictObject({
  /** 'qwen2' is Llama with biases on queries, keys and values. */
  architecture: z.enum(['llama', 'qwen2']),
  hiddenSize: upTo(1 << 16),
  intermediateSize: upTo(1 << 19),
  layerCount: upTo(1024),
  headCount: upTo(1024),
  kvHeadCount: upTo(1024),
  headDim: upTo(1024),
  vocabSize: upTo(MAX_VOCABULARY),
  ropeTheta: z.number().positive(),
  /** 'half' pairs element i with i + headDim / 2 (Hugging Face), 'interleaved' 2i with 2i + 1 (GGUF). */
  ropeLayout: z.enum(['half', 'interleaved']),
  rmsNormEps: z.number().positive().max(1),
  maxPositionEmbeddings: upTo(2 ** 31 - 1),
  /** The head is the embedding matrix. */
  tiedEmbedding: z.boolean(),
  /** Blocks of what `down` reads that the Hadamard kernel turns before it, in a rotated model (src/quantize/rotation.ts); absent: none. */
  downHadamard: z.union([16, 32, 64, 128, 256].map((size) => z.literal(size))).optional(),
})

export const manifestSchema = z.strictObject({
  format: z.literal('nanbeige-edge'),
  version: z.literal(PACK_VERSION),
  name: z.string().min(1),
  license: z.string().nullable(),
  /** Where the weights came from: file name or hub id, and its sha256 where it was one file. */
  source: z.strictObject({ name: z.string(), sha256: sha256.nullable() }),
  config: modelConfig,
  /** Compact tables made by src/pack/tokenizer/tables.ts, read by src/tokenizer. */
  tokenizer: span,
  tokens: z.strictObject({ bos: count.nullable(), eos: z.array(count).min(1).max(64), addBos: z.boolean() }),
  /** The model's own Jinja template. */
  chatTemplate: z.string(),
  /** The model's own sampling defaults. */
  sampling: z
    .strictObject({ temperature: z.number().nonnegative(), topP: z.number().min(0).max(1), topK: count })
    .partial(),
  tensors: z.array(z.discriminatedUnion('kind', [planesTensor, floatTensor])),
  shards: z.array(z.strictObject({ file: z.string(), bytes: positive, sha256 })).max(MAX_FILES),
  /** Of the manifest itself, as manifest-digest.ts defines it. Packs had none at first. */
  digest: sha256.optional(),
})

export type Manifest = z.infer<typeof manifestSchema>
export type ModelConfig = z.infer<typeof modelConfig>
export type Span = z.infer<typeof span>
export type PlanesTensor = z.infer<typeof planesTensor>
export type FloatTensor = z.infer<typeof floatTensor>
export type Tensor = PlanesTensor | FloatTensor

/**
 * Tensor names: embedding (vocab, hidden), head (vocab, hidden; absent when tied), both maybe in bands (bands.ts), headInput (hidden, hidden; of
 * rotated models whose head is tied), norm (hidden), and for layer i
 * layers.i.{attentionNorm (hidden), query (heads * headDim, hidden), key, value (kvHeads * headDim, hidden),
 * attentionOutput (hidden, heads * headDim), ffnNorm (hidden), gate, up (intermediate, hidden), down (hidden, intermediate)};
 * in qwen2 also {queryBias (heads * headDim), keyBias, valueBias (kvHeads * headDim)}.
 */
export const layerTensorNames = [
  'attentionNorm',
  'query',
  'key',
  'value',
  'queryBias',
  'keyBias',
  'valueBias',
  'attentionOutput',
  'ffnNorm',
  'gate',
  'up',
  'down',
] as const
