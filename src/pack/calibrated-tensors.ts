import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { calibrate, isMatrix } from '../quantize/calibrate.ts'
import { CalibrationFolder } from '../quantize/calibration-folder.ts'
import { type CalibrationTexts, tokenSequences } from '../quantize/calibration-text.ts'
import { centredZeroPoint } from '../quantize/quantize-matrix.ts'
import type { ModelSource } from './model-source.ts'
import type { PlannedTensor } from './plan-tensor.ts'
import type { TensorReader } from './tensor-reader.ts'

/** Raised where the same inputs give other bytes than before: what an earlier version has left must not be gone on with. */
const ALGORITHM = 1

export interface CalibrateOptions {
  readonly texts: CalibrationTexts
  readonly progress?: (layersDone: number, layersTotal: number) => void
}

/** The plan of a tensor whose bytes calibration makes: levels about zero, without a minimum. */
export function calibratedPlan(planned: PlannedTensor): PlannedTensor {
  if (!isMatrix(planned)) return planned
  const { entry } = planned
  return { ...planned, entry: { ...entry, zeroPoint: centredZeroPoint(entry.planes) }, blocks: [] }
}

/** The bytes of all matrices but the embedding of a rotated model, made layer by layer in a folder within `out`. Throws PackError. */
export async function calibratedTensors(
  out: string,
  source: ModelSource,
  planned: readonly PlannedTensor[],
  tables: Uint8Array,
  reader: TensorReader,
  { texts, progress }: CalibrateOptions,
): Promise<CalibrationFolder> {
  const sequences = tokenSequences(texts, tables, source)
  const folder = await CalibrationFolder.open(join(out, '.calibration'), await keyOf(source, planned, sequences))
  const byName = new Map(planned.map((tensor) => [tensor.entry.name, tensor]))
  await calibrate({ config: source.config, sequences, planned: byName, reader, folder, progress })
  return folder
}

async function keyOf(source: ModelSource, planned: readonly PlannedTensor[], sequences: number[][]): Promise<string> {
  const paths = [...new Set([...source.tensors.values()].map(({ path }) => path))]
  const files = await Promise.all(
    paths.map(async (path) => {
      const { size, mtimeMs } = await stat(path)
      return [path, size, mtimeMs]
    }),
  )
  const entries = planned.map(({ entry }) => entry)
  const decides = JSON.stringify([ALGORITHM, source.config, files, entries, sequences])
  return createHash('sha256').update(decides).digest('hex')
}
