import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LanguageModel } from '../../src/generate/language-model.ts'
import type { ModelSource } from '../../src/pack/model-source.ts'
import { referenceLogits } from '../../src/quantize/reference-model.ts'

/** A model whose matrices went through a type of llama.cpp, as llama_types.py leaves them, and the bytes that these take. */
export async function llamaSource(
  source: ModelSource,
  folder: string,
  type: string,
): Promise<{ source: ModelSource; bytes: number }> {
  const { bytes, offsets } = JSON.parse(await readFile(join(folder, `${type}.json`), 'utf8')) as {
    bytes: number
    offsets: Record<string, number>
  }
  const path = join(folder, `${type}.f16`)
  const tensors = [...source.tensors].map(([name, tensor]) => {
    const offset = offsets[tensor.name]
    return [name, offset === undefined ? tensor : { ...tensor, type: 'F16', path, offset }] as const
  })
  return { source: { ...source, tensors: new Map(tensors) }, bytes }
}

/** A model in float, without rounding of activations, that is asked for the tokens of these sequences in order; to be closed. */
export function floatModel(
  source: ModelSource,
  sequences: readonly (readonly number[])[],
): LanguageModel & { close(): Promise<unknown> } {
  const rows = rowsOf(referenceLogits(source, sequences), source.config.vocabSize)
  let row: Float32Array
  const next = async () => {
    row = (await rows.next()).value as Float32Array
  }
  return {
    vocabSize: source.config.vocabSize,
    contextLength: Math.max(...sequences.map(({ length }) => length)),
    createSequence: () => ({
      length: 0,
      truncate() {},
      // The row behind a sequence's last token, which nobody asks for.
      release: () => void next(),
    }),
    forward: next,
    close: () => rows.return(undefined),
    distribution: async () => {
      return {
        vocabSize: source.config.vocabSize,
        rawLogit: (id: number) => row[id],
      } as Awaited<ReturnType<LanguageModel['distribution']>>
    },
  }
}

async function* rowsOf(chunks: AsyncIterable<Float32Array>, size: number): AsyncGenerator<Float32Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += size) yield chunk.subarray(at, at + size)
  }
}
