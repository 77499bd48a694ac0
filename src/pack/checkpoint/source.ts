import { readdir } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { z } from 'zod'
import type { ModelSource } from '../model-source.ts'
import { readBytes, readText } from '../open-file.ts'
import { inFile, PackError } from '../pack-error.ts'
import { parse, readJson, withoutNulls } from '../read-json.ts'
import { tokenizerSpecFromSentencePiece } from '../tokenizer/from-sentencepiece.ts'
import type { TokenizerSpec } from '../tokenizer/spec.ts'
import { tokenizerSpecFromJson } from '../tokenizer/tables.ts'
import { checkpointConfig, eosIds, parseConfigJson, parseGenerationJson, samplingDefaults } from './config.ts'
import { checkpointTensors, INDEX_FILE, SINGLE_FILE, shardFiles } from './tensors.ts'

/** Files of a checkpoint beside its weights; the first is needed, and one of the tokenizers. */
export const CHECKPOINT_FILES = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'added_tokens.json',
  'chat_template.jinja',
  'README.md',
] as const

const token = z.union([z.string(), z.looseObject({ content: z.string() })])
const tokenizerConfig = withoutNulls(
  z.looseObject({
    bos_token: token.optional(),
    eos_token: token.optional(),
    add_bos_token: z.boolean().optional(),
    chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).optional(),
  }),
)

/** A folder as Hugging Face lays it out: config, safetensors, tokenizer. `name`: the hub id, where it has one. Throws PackError, UnsupportedTokenizerError. */
export async function readCheckpoint(folder: string, name = basename(resolve(folder))): Promise<ModelSource> {
  const listed = await readdir(folder).catch((error) => {
    throw new PackError('file_missing', `${folder}: cannot be read (${error.message})`)
  })
  const present = new Set(listed)
  const path = (file: string) => join(folder, file)
  const optional = async (file: string) => (present.has(file) ? readJson(path(file)) : undefined)
  if (!present.has('config.json')) {
    throw new PackError(
      'file_missing',
      `${folder}: there is no config.json; give a GGUF file or the folder of a checkpoint`,
    )
  }
  const configJson = parseConfigJson(await readJson(path('config.json')), path('config.json'))
  const config = checkpointConfig(configJson, path('config.json'))
  const generation = parseGenerationJson(
    (await optional('generation_config.json')) ?? {},
    path('generation_config.json'),
  )
  const tokenizerJson = (await optional('tokenizer_config.json')) ?? {}
  const tokenizer = parse(tokenizerConfig, tokenizerJson, path('tokenizer_config.json'))
  const spec = await readTokenizer(folder, present, tokenizerJson)
  const special = (value: z.infer<typeof token> | undefined) => {
    const text = typeof value === 'string' ? value : value?.content
    return spec.added.find((added) => added.text === text)?.id
  }
  // A negative id is none.
  const { bos_token_id: configBos = -1 } = configJson
  const bos = special(tokenizer.bos_token) ?? (configBos < 0 ? null : configBos)
  // An index may be left of an earlier release: transformers looks for the one file first.
  const files =
    present.has(INDEX_FILE) && !present.has(SINGLE_FILE)
      ? shardFiles(await readJson(path(INDEX_FILE)), path(INDEX_FILE))
      : [SINGLE_FILE]
  const chatTemplate = present.has('chat_template.jinja')
    ? await readText(path('chat_template.jinja'))
    : namedTemplate(tokenizer.chat_template)
  return {
    name,
    license: present.has('README.md') ? statedLicense(await readText(path('README.md'))) : null,
    config,
    // Where the file does not say, transformers adds BOS for SentencePiece tokenizers only.
    tokens: {
      bos,
      eos: eosIds(configJson, generation, special(tokenizer.eos_token)),
      addBos: bos !== null && (tokenizer.add_bos_token ?? spec.kind === 'byteFallback'),
    },
    chatTemplate,
    sampling: samplingDefaults(generation),
    tensors: await checkpointTensors(folder, files, config),
    tokenizer: spec,
    sha256: async () => null,
  }
}

async function readTokenizer(
  folder: string,
  present: ReadonlySet<string>,
  tokenizerConfigJson: unknown,
): Promise<TokenizerSpec> {
  const path = (file: string) => join(folder, file)
  if (present.has('tokenizer.json')) {
    const json = await readJson(path('tokenizer.json'))
    return inFile(path('tokenizer.json'), () => tokenizerSpecFromJson(json, tokenizerConfigJson))
  }
  if (!present.has('tokenizer.model')) {
    throw new PackError('file_missing', `${folder}: there is neither tokenizer.json nor tokenizer.model`)
  }
  const added = present.has('added_tokens.json') ? await readJson(path('added_tokens.json')) : {}
  const model = await readBytes(path('tokenizer.model'))
  return inFile(path('tokenizer.model'), () => tokenizerSpecFromSentencePiece(model, tokenizerConfigJson, added))
}

/** As the hub reads it: https://huggingface.co/docs/hub/model-cards#model-card-metadata. */
function statedLicense(card: string): string | null {
  const [, metadata] = card.match(/^---\r?\n(.*?)\r?\n---/s) ?? []
  const [, license] = metadata?.match(/^license:\s*([\w.-]+)\s*$/m) ?? []
  return license ?? null
}

/** The template of a tokenizer_config.json; empty: it has none. */
function namedTemplate(template: z.infer<typeof tokenizerConfig>['chat_template']): string {
  if (typeof template === 'string') return template
  return template?.find(({ name }) => name === 'default')?.template ?? ''
}
