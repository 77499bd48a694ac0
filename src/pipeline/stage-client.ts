import type { Keep } from '../model/stage.ts'
import type { SliceAnswer, SliceQuery } from './head-slice.ts'
import { PipelineError } from './pipeline-error.ts'
import type { Outcome, StageMethods } from './stage-protocol.ts'

/** A call that takes longer hangs: a chunk computes in seconds, and a restarted stage may have 100 MB to load before it. */
export const CALL_LIMIT_MS = 120_000

/** Calls one stage. All methods throw PipelineError: the stage's own code, `stage_unreachable`, or `stage_timeout`. */
export class StageClient {
  readonly #stage: StageMethods
  readonly #name: string

  /** `name`: in errors. */
  constructor(stage: StageMethods, name: string) {
    this.#stage = stage
    this.#name = name
  }

  async load(): Promise<void> {
    await this.#call((stage) => stage.load())
  }

  /** hidden (count, hiddenSize) f32 -> the same after the stage's layers, or its last vector only. */
  forward(
    session: string,
    position: number,
    hidden: Float32Array<ArrayBuffer>,
    keep: Keep,
  ): Promise<Float32Array<ArrayBuffer>> {
    return this.#call((stage) => stage.forward(session, position, own(hidden), keep))
  }

  async release(session: string): Promise<void> {
    await this.#call((stage) => stage.release(session))
  }

  distribution(hidden: Float32Array<ArrayBuffer>, query: SliceQuery): Promise<SliceAnswer> {
    return this.#call((stage) => stage.distribution(own(hidden), query))
  }

  async #call<T>(call: (stage: StageMethods) => Promise<Outcome<T>>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.#timeout()), CALL_LIMIT_MS)
    })
    try {
      const outcome = await Promise.race([call(this.#stage), limit])
      if ('value' in outcome) return outcome.value
      throw new PipelineError(outcome.failure.code, `${this.#name}: ${outcome.failure.message}`)
    } catch (error) {
      if (error instanceof PipelineError) throw error
      // What the stage did not say itself comes from the runtime: the object was reset, or its process is gone.
      const message = `${this.#name} does not answer: ${error}`
      throw new PipelineError('stage_unreachable', message, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

  #timeout(): PipelineError {
    return new PipelineError('stage_timeout', `${this.#name} gave no answer in ${CALL_LIMIT_MS / 1000} s`)
  }
}

/** An array goes over with all of the memory that it is a part of. */
function own(vectors: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return vectors.byteLength === vectors.buffer.byteLength ? vectors : vectors.slice()
}
