import { basename } from 'node:path'
import { ggufConfig, ggufTokens, optionalText } from './gguf-config.ts'
import { openGguf } from './gguf-file.ts'
import { modelTensors } from './gguf-tensors.ts'
import type { ModelSource, SourceTensor } from './model-source.ts'
import { tokenizerSpecFromGguf } from './tokenizer-tables.ts'

/** A GGUF file of a Llama model. Throws PackError. */
export async function openGgufSource(path: string): Promise<ModelSource> {
  const file = await openGguf(path)
  try {
    const { metadata } = file
    const config = ggufConfig(file)
    const tensors = [...modelTensors(file, config)].map(([name, tensor]): [string, SourceTensor] => [
      name,
      {
        name: tensor.name,
        shape: tensor.shape,
        planes: tensor.type.planes,
        readStored: (first, count) => file.read(tensor, first, count),
        async readWeights(first, count) {
          const weights = new Float32Array(count)
          tensor.type.dequantize(await file.read(tensor, first, count), weights)
          return weights
        },
      },
    ])
    return {
      name: basename(path),
      license: optionalText(metadata, 'general.license'),
      config,
      tokens: ggufTokens(metadata),
      chatTemplate: optionalText(metadata, 'tokenizer.chat_template') ?? '',
      // A GGUF does not say.
      sampling: {},
      tensors: new Map(tensors),
      tokenizer: async () => tokenizerSpecFromGguf(metadata),
      sha256: () => file.sha256(),
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}
