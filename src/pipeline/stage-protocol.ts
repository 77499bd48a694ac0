import type { Keep } from '../model/stage.ts'
import type { SliceAnswer, SliceQuery } from './head-slice.ts'

/**
 * What a stage's object offers to the session that drives it, as Workers RPC
 * (https://developers.cloudflare.com/workers/runtime-apis/rpc/): a call takes half the time of an HTTP request with a body each way.
 */
export interface StageMethods {
  /** Load the weights now. */
  load(): Promise<Outcome<void>>
  /** hidden (count, hiddenSize) f32 of tokens at `position` and after it -> the same after the stage's layers. */
  forward(
    session: string,
    position: number,
    hidden: Float32Array<ArrayBuffer>,
    keep: Keep,
  ): Promise<Outcome<Float32Array<ArrayBuffer>>>
  /** Others may have the KV cache; until then it keeps what it holds. */
  release(session: string): Promise<Outcome<void>>
  /** hidden (hiddenSize) f32 */
  distribution(hidden: Float32Array<ArrayBuffer>, query: SliceQuery): Promise<Outcome<SliceAnswer>>
}

/** Not an exception: of one that is thrown across an RPC border only the message is left. */
export type Outcome<T> = { readonly value: T } | { readonly failure: StageFailure }

export interface StageFailure {
  readonly code: string
  readonly message: string
}
