import { createWriteStream, existsSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import type { ModelSource } from '../../src/pack/model-source.ts'
import { referenceLogits } from '../../src/quantize/reference-model.ts'

/** The logits of the exact model as measureQuality takes them, from the beginning each time. */
export type ReferenceLogits = () => AsyncGenerator<Float32Array>

/** Logits of the exact model, computed once and kept in a file. */
export async function referenceCache(
  path: string,
  source: ModelSource,
  sequences: readonly (readonly number[])[],
): Promise<ReferenceLogits> {
  if (!existsSync(path)) {
    const file = createWriteStream(`${path}.part`)
    for await (const chunk of referenceLogits(source, sequences)) {
      // The chunk is valid until the next.
      const bytes = new Uint8Array(chunk.slice().buffer)
      if (!file.write(bytes)) await new Promise<void>((resolve) => file.once('drain', resolve))
    }
    file.end()
    await finished(file)
    await rename(`${path}.part`, path)
  }
  return async function* () {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      for (let at = 0; at < size; ) {
        const row = new Float32Array(source.config.vocabSize)
        const { bytesRead } = await file.read(row, 0, row.byteLength, at)
        if (bytesRead < row.byteLength) throw new Error(`${path} was cut off`)
        at += bytesRead
        yield row
      }
    } finally {
      await file.close()
    }
  }
}
