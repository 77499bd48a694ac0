import type { ModelConfig } from '../weights/manifest.ts'
import type { Setting } from './allocate.ts'
import { widestInput } from './calibrate.ts'
import { FloatPool } from './float-pool.ts'
import type { PlannedWeights } from './planned-weights.ts'
import { KINDS, ProbedModels, probedModelsBytes } from './probed-models.ts'
import { SettingErrors, settingErrorsBytes } from './setting-errors.ts'

// What each matrix of a model loses at each number of planes. A setting's squared error at the outputs of a matrix is easily had
// (setting-errors.ts), but what it does to the answers is not the same for all. So the matrices of a kind in a layer are rounded at one setting,
// alone, and the divergence that comes out at the end of the model says what an error there is worth (probed-models.ts).

/** Tokens of the text that second moments are of, about. */
const MOMENT_TOKENS = 2048
/** Sequences that divergences are measured on, and their tokens. */
const PROBES = 3
const PROBE_TOKENS = 32

/** The settings of each matrix, by its name. */
export type Losses = ReadonlyMap<string, readonly Setting[]>

export interface LossMeasurement {
  /** Of the rotated model. */
  readonly config: ModelConfig
  readonly sequences: readonly (readonly number[])[]
  readonly weights: PlannedWeights
  readonly progress?: (done: number, total: number) => void
}

/** The settings of each matrix by its name, with the mean KL that the model loses by it. Throws PackError. */
export async function measureLosses({ config, sequences, weights, progress }: LossMeasurement): Promise<Losses> {
  const texts = spread(sequences, MOMENT_TOKENS)
  const probes = texts.slice(0, PROBES).map((ids) => ids.slice(0, PROBE_TOKENS))
  const pool = await FloatPool.create(
    probedModelsBytes(config, texts, probes) + settingErrorsBytes(config),
    widestInput(config),
  )
  try {
    const errors = new SettingErrors(pool, config, weights)
    const models = new ProbedModels(pool, config, weights, errors, texts, probes)
    const total = config.layerCount + 2
    await models.embed()
    progress?.(1, total)
    for (let layer = 0; layer < config.layerCount; layer++) {
      await models.layer(layer)
      progress?.(layer + 2, total)
    }
    const divergences = await models.head()
    progress?.(total, total)
    const tied = weights.head.entry.name === 'embedding'
    return new Map([
      // A tied one is both, with the errors of the head.
      ...(tied ? [] : errors.losses(['embedding'], divergences.embedding)),
      ...divergences.layers.flatMap((kinds, layer) =>
        KINDS.flatMap((names, kind) =>
          errors.losses(
            names.map((name) => `layers.${layer}.${name}`),
            kinds[kind],
          ),
        ),
      ),
      ...errors.losses([weights.head.entry.name], divergences.head + (tied ? divergences.embedding : 0)),
    ])
  } finally {
    await pool.close()
  }
}

/** Every n-th sequence, so that they have about so many tokens. */
function spread(sequences: readonly (readonly number[])[], tokens: number): (readonly number[])[] {
  const step = Math.max(1, Math.floor(sequences.flat().length / tokens))
  return sequences.filter((_, i) => i % step === 0)
}
