import { z } from 'zod'
import { type AddedToken, type TokenizerSpec, tokenId, tokenIdKey, UnsupportedTokenizerError } from './spec.ts'
import { WRITTEN_SPACE } from './spelling.ts'
import { byteFallbackSpec, byteLevelSpec, mergesOfPairs, splitMerge } from './vocabulary.ts'

/** What is not said is false. */
const flag = z.boolean().nullish()
const addedToken = z.object({ content: z.string(), special: flag, single_word: flag, lstrip: flag, rstrip: flag })
const unset = z.union([z.null(), z.literal('')]).optional()

/** Not z.record: a vocabulary may hold the piece "__proto__". */
const vocab = z
  .custom<Readonly<Record<string, number>>>((value) => typeof value === 'object' && value !== null)
  .superRefine((pieces, context) => {
    const wrong = Object.entries(pieces).find(([, id]) => !tokenId.safeParse(id).success)
    if (wrong)
      context.addIssue({ code: 'custom', message: `piece ${JSON.stringify(wrong[0])} has no number as its id` })
  })

const tokenizerJson = z.object({
  added_tokens: z.array(addedToken.extend({ id: tokenId })).nullish(),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  decoder: z.unknown(),
  model: z.object({
    type: z.literal('BPE'),
    vocab,
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
    dropout: z.union([z.null(), z.literal(0)]).optional(),
    continuing_subword_prefix: unset,
    end_of_word_suffix: unset,
    byte_fallback: z.boolean().optional(),
    ignore_merges: z.literal(false).optional(),
    unk_token: z.string().nullish(),
  }),
})
type TokenizerJson = z.infer<typeof tokenizerJson>

const tokenizerConfig = z.object({ added_tokens_decoder: z.record(tokenIdKey, addedToken).nullish() })

const smolLmPreTokenizer = z.object({
  type: z.literal('Sequence'),
  pretokenizers: z.tuple([
    z.object({ type: z.literal('Digits'), individual_digits: z.literal(true) }),
    z.object({
      type: z.literal('ByteLevel'),
      add_prefix_space: z.literal(false),
      use_regex: z.literal(true).optional(),
    }),
  ]),
})

/** As Qwen2's tokenizer.json writes it. */
const QWEN2_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

const qwen2PreTokenizer = z.object({
  type: z.literal('Sequence'),
  pretokenizers: z.tuple([
    z.object({
      type: z.literal('Split'),
      pattern: z.strictObject({ Regex: z.literal(QWEN2_PATTERN) }),
      behavior: z.literal('Isolated'),
      invert: z.literal(false).optional(),
    }),
    z.object({
      type: z.literal('ByteLevel'),
      add_prefix_space: z.literal(false),
      use_regex: z.literal(false),
    }),
  ]),
})
const nfc = z.strictObject({ type: z.literal('NFC') })

const writeSpaces = z.strictObject({
  type: z.literal('Replace'),
  pattern: z.strictObject({ String: z.literal(' ') }),
  content: z.literal(WRITTEN_SPACE),
})
const prependAndWriteSpaces = z.strictObject({
  type: z.literal('Sequence'),
  normalizers: z.tuple([
    z.strictObject({ type: z.literal('Prepend'), prepend: z.literal(WRITTEN_SPACE) }),
    writeSpaces,
  ]),
})

/**
 * The tokenizer of a Hugging Face tokenizer.json, with the added tokens of its tokenizer_config.json where given: those
 * are what the reference loads last, so they win.
 *
 * Byte-fallback vocabularies follow the slow (SentencePiece, "legacy") tokenizer that such models were trained with: all
 * added tokens are found in the text as written, and the text after each gets a prefix space. The fast tokenizer finds
 * those marked `normalized` only behind a space, and so not at all.
 *
 * @throws UnsupportedTokenizerError
 */
export function tokenizerSpecFromJson(json: unknown, config?: unknown): TokenizerSpec {
  const tokenizer = parse(tokenizerJson, json, 'tokenizer.json')
  const added = addedTokens(
    tokenizer,
    config === undefined ? {} : parse(tokenizerConfig, config, 'tokenizer_config.json'),
  )
  // Most vocabularies list their added tokens too.
  const addedTexts = new Map(added.map(({ id, text }) => [id, text]))
  const vocabulary = new Map(
    Object.entries(tokenizer.model.vocab).filter(([piece, id]) => addedTexts.get(id) !== piece),
  )
  const merges = tokenizer.model.merges.map((merge) => (typeof merge === 'string' ? splitMerge(merge) : merge))

  if (!tokenizer.model.byte_fallback) {
    const qwen2 = qwen2PreTokenizer.safeParse(tokenizer.pre_tokenizer).success
    if (!qwen2 && !smolLmPreTokenizer.safeParse(tokenizer.pre_tokenizer).success)
      unsupported('pre_tokenizer', tokenizer)
    const normalized = qwen2 ? nfc.safeParse(tokenizer.normalizer).success : tokenizer.normalizer == null
    if (!normalized) unsupported('normalizer', tokenizer)
    const spec = byteLevelSpec(vocabulary, merges, added, qwen2 ? 'byteLevelQwen2' : 'byteLevel')
    if (tokenizer.model.unk_token != null && spec.byteIds.includes(undefined)) {
      throw new UnsupportedTokenizerError(`unk_token "${tokenizer.model.unk_token}" for bytes without a piece`)
    }
    return spec
  }
  if (tokenizer.pre_tokenizer != null) unsupported('pre_tokenizer', tokenizer)
  const prefixSpace = prependAndWriteSpaces.safeParse(tokenizer.normalizer).success
  if (!prefixSpace && !writeSpaces.safeParse(tokenizer.normalizer).success) unsupported('normalizer', tokenizer)
  return byteFallbackSpec(vocabulary, mergesOfPairs(vocabulary, merges), added, prefixSpace)
}

function addedTokens(tokenizer: TokenizerJson, config: z.infer<typeof tokenizerConfig>): AddedToken[] {
  const listed = [
    ...(tokenizer.added_tokens ?? []),
    ...Object.entries(config.added_tokens_decoder ?? {}).map(([id, token]) => ({ ...token, id: Number(id) })),
  ]
  const byId = new Map<number, AddedToken>()
  for (const token of listed) {
    const name = JSON.stringify(token.content)
    for (const option of ['lstrip', 'rstrip', 'single_word'] as const) {
      if (token[option]) throw new UnsupportedTokenizerError(`${option} of added token ${name}`)
    }
    const earlier = byId.get(token.id)
    if (earlier && earlier.text !== token.content) {
      throw new UnsupportedTokenizerError(`id ${token.id} is both ${JSON.stringify(earlier.text)} and ${name}`)
    }
    byId.set(token.id, { id: token.id, text: token.content, special: token.special ?? false })
  }
  return [...byId.values()]
}

function parse<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [{ path, message }] = result.error.issues
  throw new UnsupportedTokenizerError(`${file}, ${path.join('.')}: ${message}`)
}

function unsupported(part: 'normalizer' | 'pre_tokenizer', tokenizer: TokenizerJson): never {
  throw new UnsupportedTokenizerError(`${part} ${describe(tokenizer[part])}`)
}

/** A part by its type and what it is made of. */
function describe(part: unknown): string {
  const { type, ...rest } = z.looseObject({ type: z.string() }).catch({ type: 'of an unknown form' }).parse(part)
  const parts = z
    .array(z.looseObject({ type: z.string() }))
    .catch([])
    .parse(Object.values(rest).find(Array.isArray))
  return parts.length > 0 ? `${type} of ${parts.map((inner) => inner.type).join(', ')}` : type
}
