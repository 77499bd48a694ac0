import type { SliceAnswer, SliceQuery } from './head-slice.ts'
import { PipelineError } from './pipeline-error.ts'
import type { StageFetcher } from './stage-bindings.ts'
import { bytesOf, decodeAnswer, encodeQuery, STAGE_ORIGIN, type StageFailure } from './stage-protocol.ts'

/** A call that takes longer hangs: a chunk computes in seconds, and a restarted stage may have 100 MB to load before it. */
const CALL_LIMIT_MS = 120_000

/** Calls one stage. All methods throw PipelineError: the stage's own code, or `stage_unreachable`. */
export class StageClient {
  readonly #fetcher: StageFetcher
  readonly #name: string

  /** `name`: in errors. */
  constructor(fetcher: StageFetcher, name: string) {
    this.#fetcher = fetcher
    this.#name = name
  }

  async load(): Promise<void> {
    await (await this.#call('POST', '/load')).body?.cancel()
  }

  /** hidden (count, hiddenSize) f32 -> the same after the stage's layers, or its last vector only. */
  async forward(session: string, position: number, hidden: Float32Array, keepLast: boolean): Promise<Float32Array> {
    const path = `/sessions/${session}/forward?position=${position}${keepLast ? '&keep=last' : ''}`
    const response = await this.#call('POST', path, bytesOf(hidden))
    return new Float32Array(await this.#body(response.arrayBuffer()))
  }

  async release(session: string): Promise<void> {
    await (await this.#call('DELETE', `/sessions/${session}`)).body?.cancel()
  }

  async distribution(hidden: Float32Array, query: SliceQuery): Promise<SliceAnswer> {
    const response = await this.#call('POST', '/distribution', encodeQuery(query, hidden))
    return decodeAnswer(await this.#body(response.json()))
  }

  async #call(method: string, path: string, body?: Uint8Array<ArrayBuffer>): Promise<Response> {
    const signal = AbortSignal.timeout(CALL_LIMIT_MS)
    const response = await this.#body(this.#fetcher.fetch(`${STAGE_ORIGIN}${path}`, { method, body, signal }))
    if (response.ok) return response
    const failure = await (response.json() as Promise<StageFailure>).catch(() => undefined)
    // What has no code comes from the runtime: the object was reset, or its process is gone.
    if (failure === undefined) throw this.#unreachable(`status ${response.status}`)
    throw new PipelineError(failure.code, `${this.#name}: ${failure.message}`)
  }

  async #body<T>(promise: Promise<T>): Promise<T> {
    try {
      return await promise
    } catch (cause) {
      throw this.#unreachable(String(cause), cause)
    }
  }

  #unreachable(why: string, cause?: unknown): PipelineError {
    return new PipelineError('stage_unreachable', `${this.#name} does not answer: ${why}`, { cause })
  }
}
