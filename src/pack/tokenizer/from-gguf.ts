import { z } from 'zod'
import { MAX_MERGES } from '../../tokenizer/table-format.ts'
import { type AddedToken, type Merge, type TokenizerSpec, UnsupportedTokenizerError } from './spec.ts'
import { byteFallbackSpec, byteLevelSpec, splitMerge, type Vocabulary } from './vocabulary.ts'

// llama.cpp, include/llama.h, enum llama_token_type
const UNKNOWN = 2
const CONTROL = 3
const USER_DEFINED = 4
/** Padding up to a round vocabulary size. */
const UNUSED = 5

const strings = z.array(z.string()).max(MAX_MERGES)
const numbers = z.array(z.number())

/**
 * The tokenizer of a GGUF file's metadata: `tokenizer.ggml.model` 'gpt2' with `pre` 'smollm' or 'qwen2', or 'llama'.
 * @throws UnsupportedTokenizerError
 */
export function tokenizerSpecFromGguf(metadata: Record<string, unknown>): TokenizerSpec {
  const read = <T>(key: string, schema: z.ZodType<T>): T => {
    const value = schema.safeParse(metadata[`tokenizer.ggml.${key}`])
    if (!value.success) throw new UnsupportedTokenizerError(`missing or malformed GGUF key tokenizer.ggml.${key}`)
    return value.data
  }
  const model = read('model', z.string())
  if (model !== 'gpt2' && model !== 'llama') throw new UnsupportedTokenizerError(`tokenizer.ggml.model "${model}"`)

  const tokens = read('tokens', strings)
  const types = read('token_type', numbers)
  if (types.length !== tokens.length) {
    throw new UnsupportedTokenizerError(`${types.length} token types for ${tokens.length} tokens`)
  }
  const added: AddedToken[] = []
  const vocabulary = new Map<string, number>()
  tokens.forEach((text, id) => {
    const type = types[id]
    if (type === UNUSED) return
    if (type === UNKNOWN || type === CONTROL || type === USER_DEFINED) {
      added.push({ id, text, special: type !== USER_DEFINED })
    } else if (vocabulary.has(text)) {
      throw new UnsupportedTokenizerError(`piece ${JSON.stringify(text)} has two ids`)
    } else {
      vocabulary.set(text, id)
    }
  })

  if (model === 'gpt2') {
    const pre = read('pre', z.string())
    if (pre !== 'smollm' && pre !== 'qwen2') throw new UnsupportedTokenizerError(`tokenizer.ggml.pre "${pre}"`)
    const kind = pre === 'smollm' ? 'byteLevel' : 'byteLevelQwen2'
    return byteLevelSpec(vocabulary, read('merges', strings).map(splitMerge), added, kind)
  }
  if (read('remove_extra_whitespaces', z.boolean().optional())) {
    throw new UnsupportedTokenizerError('tokenizer.ggml.remove_extra_whitespaces')
  }
  // llama.cpp's default for 'llama'
  const prefixSpace = read('add_space_prefix', z.boolean().optional()) ?? true
  return byteFallbackSpec(vocabulary, mergesOfScores(vocabulary, read('scores', numbers)), added, prefixSpace)
}

/**
 * SentencePiece lists no merges: any two neighbours whose concatenation is a piece may merge, those of the best score
 * first, equal scores from left to right. So every way to cut a piece into two pieces is a merge, ranked by its score.
 */
function mergesOfScores(vocabulary: Vocabulary, scores: readonly number[]): Merge[] {
  const distinct = [...new Set(scores)].sort((a, b) => b - a)
  const ranks = new Map(distinct.map((score, rank) => [score, rank]))
  const merges: Merge[] = []
  for (const [piece, result] of vocabulary) {
    const rank = ranks.get(scores[result])
    if (rank === undefined) throw new UnsupportedTokenizerError(`no score for piece ${JSON.stringify(piece)}`)
    const characters = [...piece]
    let cut = 0
    for (const character of characters.slice(0, -1)) {
      cut += character.length
      const left = vocabulary.get(piece.slice(0, cut))
      const right = vocabulary.get(piece.slice(cut))
      if (left !== undefined && right !== undefined) merges.push({ left, right, result, rank })
    }
  }
  return merges
}
