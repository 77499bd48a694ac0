import type { VocabularyMatrix } from '../weights/bands.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import type { Setting } from './allocate.ts'
import { widestInput } from './float-layer.ts'
import { FloatPool } from './float-pool.ts'
import type { LayerCheckpoint } from './layer-checkpoint.ts'
import type { PlannedWeights } from './planned-weights.ts'
import { KINDS, ProbedModels, probedModelsBytes } from './probed-models.ts'
import { SettingErrors, settingErrorsBytes } from './setting-errors.ts'
import { bandShares } from './vocabulary-bands.ts'

// What each matrix of a model loses at each number of planes. A setting's squared error at the outputs of a matrix is easily had
// (setting-errors.ts), but what it does to the answers is not the same for all. So the matrices of a kind in a layer are rounded at one setting,
// alone, and the divergence that comes out at the end of the model says what an error there is worth (probed-models.ts).

/** Tokens of the text that second moments are of, about: with fewer than a matrix has columns, feedback hides errors that others will show. */
const MOMENT_TOKENS = 8192
/** Sequences that divergences are measured on, and their tokens. */
const PROBES = 6
const PROBE_TOKENS = 40

/** The settings of each matrix, by its name. */
export type Losses = ReadonlyMap<string, readonly Setting[]>

export interface LossMeasurement {
  /** Of the rotated model. */
  readonly config: ModelConfig
  readonly sequences: readonly (readonly number[])[]
  readonly weights: PlannedWeights
  /** Where what was measured is kept as it comes, to go on from there after an interruption. */
  readonly checkpoint?: LayerCheckpoint
  readonly progress?: (done: number, total: number) => void
}

/** The settings of each matrix by its name, with the mean KL that the model loses by it. Throws PackError. */
export async function measureLosses(measurement: LossMeasurement): Promise<Losses> {
  const { config, sequences, weights, checkpoint, progress } = measurement
  const { texts, probes } = split(sequences)
  const pool = await FloatPool.create(
    probedModelsBytes(config, texts, probes) + settingErrorsBytes(config),
    widestInput(config),
  )
  try {
    const errors = new SettingErrors(pool, config, weights)
    const models = new ProbedModels(pool, config, weights, errors, texts, probes)
    const total = config.layerCount + 2
    const kept = await checkpoint?.read(models.hidden)
    if (kept) errors.restore(kept.gathered)
    else await models.embed()
    const done = kept?.done ?? 0
    progress?.(done + 1, total)
    for (let layer = done; layer < config.layerCount; layer++) {
      await models.layer(layer)
      await checkpoint?.write(layer + 1, models.hidden, errors.gathered())
      progress?.(layer + 2, total)
    }
    const divergences = await models.head()
    progress?.(total, total)
    const tied = weights.head === 'embedding'
    const ofVocabulary = (matrix: VocabularyMatrix, divergence: number) => {
      const bands = weights.bands(matrix)
      const shares = bandShares(bands, sequences)
      return errors.losses(
        bands.map(({ entry }) => entry.name),
        divergence,
        bands.map(({ entry }, i) => shares[i] / entry.shape[0]),
      )
    }
    return new Map([
      // A tied one is both, with the errors of the head.
      ...(tied ? [] : ofVocabulary('embedding', divergences.embedding)),
      ...divergences.layers.flatMap((kinds, layer) =>
        KINDS.flatMap((names, kind) =>
          errors.losses(
            names.map((name) => `layers.${layer}.${name}`),
            kinds[kind],
          ),
        ),
      ),
      ...ofVocabulary(weights.head, divergences.head + (tied ? divergences.embedding : 0)),
    ])
  } finally {
    await pool.close()
  }
}

/**
 * Sequences that second moments are of, and the beginnings of some others: on its own texts a matrix loses less than on any other, above all the
 * widest. A single sequence has to be both.
 */
export function split(sequences: readonly (readonly number[])[]) {
  const step = Math.max(2, Math.ceil(sequences.length / PROBES))
  const probes = sequences.filter((_, i) => i % step === 0).map((ids) => ids.slice(0, PROBE_TOKENS))
  const others = sequences.length > 1 ? sequences.filter((_, i) => i % step !== 0) : sequences
  const every = Math.max(1, Math.floor(others.flat().length / MOMENT_TOKENS))
  return { texts: others.filter((_, i) => i % every === 0), probes }
}
