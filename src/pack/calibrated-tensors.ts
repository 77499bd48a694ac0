import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { OriginConfig } from '../origin/origin-config.ts'
import { allocate, type Setting } from '../quantize/allocate.ts'
import { calibrate } from '../quantize/calibrate.ts'
import { CalibrationFolder } from '../quantize/calibration-folder.ts'
import { type CalibrationTexts, tokenSequences } from '../quantize/calibration-text.ts'
import { type Losses, measureLosses } from '../quantize/losses.ts'
import { keptTraces } from '../quantize/origin-traces.ts'
import { isMatrix, PlannedWeights } from '../quantize/planned-weights.ts'
import { inBands, mergedBands } from '../quantize/vocabulary-bands.ts'
import { centredZeroPoint, tensorBytes } from '../weights/plane-layout.ts'
import type { ModelSource } from './model-source.ts'
import { PackError } from './pack-error.ts'
import type { PlannedTensor } from './plan-tensor.ts'
import type { TensorReader } from './tensor-reader.ts'

/** Raised where the same inputs give other bytes than before: what an earlier version has left must not be gone on with. */
const ALGORITHM = 5

export interface CalibrateOptions {
  readonly texts: CalibrationTexts
  /** Where the model is served, to answer the chats of the texts first. */
  readonly origins?: readonly OriginConfig[]
  /** Planes and groups for each matrix by what it loses, so that the tensors take so many bits a weight of the file; absent: as planned. */
  readonly bits?: number
  /** What measureLosses gave before for this model and text, where it need not be measured again. */
  readonly losses?: Losses
  readonly progress?: (layersDone: number, layersTotal: number) => void
}

/** A plan and the folder that has the bytes of its matrices. */
export interface CalibratedTensors {
  readonly planned: readonly PlannedTensor[]
  readonly folder: CalibrationFolder
  /** Remove all that is kept for an interruption, once the pack is written. */
  remove(): Promise<void>
}

export interface CalibratedModel {
  /** Of the rotated model. */
  readonly source: ModelSource
  readonly planned: readonly PlannedTensor[]
  /** How many weights the file has, of which a budget of bits is. */
  readonly fileWeights: number
  readonly tables: Uint8Array
  readonly reader: TensorReader
}

/** The matrices of a model, made layer by layer in a folder within `out`. Throws PackError. */
export async function calibratedTensors(
  out: string,
  { source, planned, fileWeights, tables, reader }: CalibratedModel,
  { texts, origins, bits, losses, progress }: CalibrateOptions,
): Promise<CalibratedTensors> {
  const { config } = source
  const traces = origins && (await keptTraces(out, texts, tables, source, origins))
  const sequences = tokenSequences(traces?.texts ?? texts, tables, source)
  const folder = await CalibrationFolder.open(join(out, '.calibration'), await keyOf(source, planned, bits, sequences))
  const [measured, rounded] = [bits === undefined ? 0 : config.layerCount + 2, config.layerCount + 1]
  const weightsOf = (tensors: readonly PlannedTensor[]) =>
    new PlannedWeights(new Map(tensors.map((tensor) => [tensor.entry.name, tensor])), reader)
  const parts = bits === undefined ? planned : inBands(planned)
  let settings: ReadonlyMap<string, Setting> | undefined
  if (bits !== undefined) {
    const known = losses ?? (await folder.losses())
    const found =
      known ??
      (await measureLosses({
        ...{ config, sequences, weights: weightsOf(parts), checkpoint: folder.measuring },
        progress: (done) => progress?.(done, measured + rounded),
      }))
    if (known === undefined) await folder.writeLosses(found)
    settings = settingsWithin(parts, found, (bits * fileWeights) / 8, bits)
  }
  const calibrated = mergedBands(parts.map((tensor) => calibratedPlan(tensor, settings?.get(tensor.entry.name))))
  await calibrate({
    ...{ config, sequences, weights: weightsOf(calibrated), folder },
    progress: (done) => progress?.(measured + done, measured + rounded),
  })
  const remove = async () => {
    await folder.remove()
    await traces?.remove()
  }
  return { planned: calibrated, folder, remove }
}

/** The plan of a tensor whose bytes calibration makes: levels about zero, without a minimum, and scales in steps of their row's. */
function calibratedPlan(planned: PlannedTensor, setting?: Setting): PlannedTensor {
  if (!isMatrix(planned)) return planned
  const { planes, groupSize } = setting ?? planned.entry
  return {
    ...planned,
    entry: { ...planned.entry, planes, groupSize, zeroPoint: centredZeroPoint(planes), scales: 'steps' },
    blocks: [],
  }
}

function settingsWithin(planned: readonly PlannedTensor[], losses: Losses, budget: number, bits: number) {
  const vectors = planned.filter((tensor) => !isMatrix(tensor)).reduce((sum, { entry }) => sum + tensorBytes(entry), 0)
  const settings = allocate(losses, budget - vectors)
  if (settings !== null) return settings
  const least = [...losses.values()].reduce((sum, list) => sum + Math.min(...list.map(({ bytes }) => bytes)), vectors)
  throw new PackError(
    'option_invalid',
    `--bits: this model takes ${((least / budget) * bits).toFixed(2)} bits a weight at least`,
  )
}

async function keyOf(
  source: ModelSource,
  planned: readonly PlannedTensor[],
  bits: number | undefined,
  sequences: number[][],
): Promise<string> {
  const paths = [...new Set([...source.tensors.values()].map(({ path }) => path))]
  const files = await Promise.all(
    paths.map(async (path) => {
      const { size, mtimeMs } = await stat(path)
      return [path, size, mtimeMs]
    }),
  )
  const entries = planned.map(({ entry }) => entry)
  const decides = JSON.stringify([ALGORITHM, source.config, files, entries, bits, sequences])
  return createHash('sha256').update(decides).digest('hex')
}
