import protobuf from 'protobufjs'
import { z } from 'zod'
import { parse } from '../read-json.ts'
import { tokenizerSpecFromGguf } from './from-gguf.ts'
import { type TokenizerSpec, tokenId, tokenIdKey, UnsupportedTokenizerError } from './spec.ts'

// The part of google/sentencepiece, src/sentencepiece_model.proto, that decides ids.
const { root } = protobuf.parse(`
  syntax = "proto2";
  message ModelProto {
    message SentencePiece {
      optional string piece = 1;
      optional float score = 2;
      optional int32 type = 3 [default = 1];
    }
    repeated SentencePiece pieces = 1;
    optional TrainerSpec trainer_spec = 2;
    optional NormalizerSpec normalizer_spec = 3;
  }
  message TrainerSpec { optional int32 model_type = 3 [default = 1]; }
  message NormalizerSpec {
    optional bytes precompiled_charsmap = 2;
    optional bool add_dummy_prefix = 3 [default = true];
    optional bool remove_extra_whitespaces = 4 [default = true];
  }
`)
const ModelProto = root.lookupType('ModelProto')
const BPE = 2
const CONTROL = 3
const USER_DEFINED = 4

interface Model {
  readonly pieces: readonly { readonly piece: string; readonly score: number; readonly type: number }[]
  readonly trainerSpec?: { readonly modelType: number }
  readonly normalizerSpec?: {
    readonly precompiledCharsmap?: Uint8Array
    readonly addDummyPrefix: boolean
    readonly removeExtraWhitespaces: boolean
  }
}

const addedDecoder = z.looseObject({
  added_tokens_decoder: z.record(tokenIdKey, z.looseObject({ content: z.string(), special: z.boolean() })).nullish(),
})
const addedTokens = z.record(z.string(), tokenId)

/**
 * The tokenizer of a SentencePiece model of type BPE, with the tokens that tokenizer_config.json and added_tokens.json add. A GGUF states the
 * same things under other names, its numbers of piece types included.
 * @throws UnsupportedTokenizerError
 */
export function tokenizerSpecFromSentencePiece(bytes: Uint8Array, config: unknown, added: unknown): TokenizerSpec {
  let model: Model
  try {
    model = ModelProto.decode(bytes) as unknown as Model
  } catch (error) {
    throw new UnsupportedTokenizerError(`tokenizer.model is no SentencePiece model (${(error as Error).message})`)
  }
  const { pieces, trainerSpec, normalizerSpec } = model
  if (trainerSpec?.modelType !== BPE) throw new UnsupportedTokenizerError('tokenizer.model is not of type BPE')
  if (normalizerSpec?.precompiledCharsmap?.length) {
    throw new UnsupportedTokenizerError('tokenizer.model normalizes characters')
  }
  const tokens = pieces.map(({ piece }) => piece)
  const types = pieces.map(({ type }) => type)
  const scores = pieces.map(({ score }) => score)
  const add = (id: number, text: string, special: boolean) => {
    tokens[id] = text
    types[id] = special ? CONTROL : USER_DEFINED
    scores[id] = 0
  }
  for (const [text, id] of Object.entries(parse(addedTokens, added ?? {}, 'added_tokens.json'))) add(id, text, false)
  for (const [id, { content, special }] of Object.entries(
    parse(addedDecoder, config ?? {}, 'tokenizer_config.json').added_tokens_decoder ?? {},
  )) {
    add(Number(id), content, special)
  }
  if (Object.keys(tokens).length !== tokens.length) {
    throw new UnsupportedTokenizerError('ids between the pieces of tokenizer.model and the added tokens are missing')
  }
  return tokenizerSpecFromGguf({
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': types,
    'tokenizer.ggml.scores': scores,
    'tokenizer.ggml.add_space_prefix': normalizerSpec?.addDummyPrefix ?? true,
    'tokenizer.ggml.remove_extra_whitespaces': normalizerSpec?.removeExtraWhitespaces ?? true,
  })
}
