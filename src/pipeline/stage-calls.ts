import type { Keep } from '../model/stage.ts'
import { WeightsError } from '../weights/weights-error.ts'
import { freeVectors } from './free-vectors.ts'
import { HeadSlice, type SliceAnswer, type SliceQuery } from './head-slice.ts'
import { LayersStage } from './layers-stage.ts'
import { PipelineError } from './pipeline-error.ts'
import type { Outcome, StageMethods } from './stage-protocol.ts'

export interface StageHost {
  /** The stage, loaded at the first call; a failed load is tried again by the next. */
  load(): Promise<LayersStage | HeadSlice>
  /** The stage, if it is loaded. */
  loaded(): LayersStage | HeadSlice | undefined
}

/** A stage behind the protocol of stage-protocol.ts. */
export class StageCalls implements StageMethods {
  readonly #host: StageHost

  constructor(host: StageHost) {
    this.#host = host
  }

  load(): Promise<Outcome<void>> {
    return outcome(async () => void (await this.#host.load()))
  }

  forward(
    session: string,
    position: number,
    hidden: Float32Array<ArrayBuffer>,
    keep: Keep,
  ): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    return outcome(async () => {
      const stage = await this.#host.load()
      if (!(stage instanceof LayersStage)) throw new PipelineError('plan_mismatch', 'a slice of the head has no layers')
      const result = stage.forward(session, position, hidden, keep)
      freeVectors(hidden)
      // Written to again by the next call: that comes in a turn of its own, when this one is on its way.
      return result
    })
  }

  release(session: string): Promise<Outcome<void>> {
    return outcome(async () => {
      const stage = this.#host.loaded()
      if (stage instanceof LayersStage) stage.release(session)
    })
  }

  distribution(hidden: Float32Array<ArrayBuffer>, query: SliceQuery): Promise<Outcome<SliceAnswer>> {
    return outcome(async () => {
      const stage = await this.#host.load()
      if (!(stage instanceof HeadSlice)) throw new PipelineError('plan_mismatch', 'layers have no vocabulary')
      return stage.answer(hidden, query)
    })
  }
}

async function outcome<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await run() }
  } catch (error) {
    if (error instanceof PipelineError || error instanceof WeightsError) {
      return { failure: { code: error.code, message: error.message } }
    }
    console.error(error)
    return { failure: { code: 'stage_failed', message: String(error) } }
  }
}
