import { basename } from 'node:path'
import type { ModelSource } from '../model-source.ts'
import { inFile } from '../pack-error.ts'
import { tokenizerSpecFromGguf } from '../tokenizer/tables.ts'
import { ggufConfig, ggufSampling, ggufTokens, optionalText } from './config.ts'
import { fileSha256, type GgufFile, readGguf } from './file.ts'
import { modelTensors } from './tensors.ts'

/** A GGUF file of a Llama model. Throws PackError, UnsupportedTokenizerError. */
export async function readGgufSource(path: string): Promise<ModelSource> {
  const file = await readGguf(path)
  return inFile(path, () => sourceOf(file))
}

function sourceOf(file: GgufFile): ModelSource {
  const { path, metadata } = file
  const config = ggufConfig(file)
  return {
    name: basename(path),
    license: optionalText(metadata, 'general.license'),
    config,
    tokens: ggufTokens(metadata),
    chatTemplate: optionalText(metadata, 'tokenizer.chat_template') ?? '',
    sampling: ggufSampling(metadata),
    tensors: modelTensors(file, config),
    tokenizer: tokenizerSpecFromGguf(metadata),
    sha256: () => fileSha256(path),
  }
}
