import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import type { ModelSource } from '../../src/pack/model-source.ts'
import { planTensor } from '../../src/pack/plan-tensor.ts'
import { plannedRotation } from '../../src/pack/rotated-source.ts'
import { TensorReader } from '../../src/pack/tensor-reader.ts'
import { type Losses, measureLosses } from '../../src/quantize/losses.ts'
import { PlannedWeights } from '../../src/quantize/planned-weights.ts'
import { inBands } from '../../src/quantize/vocabulary-bands.ts'

/** What each matrix of a rotated model loses at its settings, measured once and kept in a file: it is the same for every budget. */
export async function cachedLosses(
  path: string,
  { source, sequences }: { source: ModelSource; sequences: readonly (readonly number[])[] },
): Promise<Losses> {
  if (!existsSync(path)) {
    const options = { planes: {}, groupSize: 32 as const }
    const planned = inBands(
      [...source.tensors].map(([name, tensor]) => planTensor(name, tensor, options, plannedRotation(name, source))),
    )
    const reader = new TensorReader()
    try {
      const weights = new PlannedWeights(new Map(planned.map((tensor) => [tensor.entry.name, tensor])), reader)
      const losses = await measureLosses({ config: source.config, sequences, weights })
      await writeFile(path, JSON.stringify([...losses]))
    } finally {
      await reader.close()
    }
  }
  return new Map(
    JSON.parse(await readFile(path, 'utf8')) as [string, Losses extends ReadonlyMap<string, infer S> ? S : never][],
  )
}
