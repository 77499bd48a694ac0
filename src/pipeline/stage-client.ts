import type { SliceAnswer, SliceQuery } from './head-slice.ts'
import { PipelineError } from './pipeline-error.ts'
import type { StageFetcher } from './stage-bindings.ts'
import { bytesOf, decodeAnswer, encodeQuery, STAGE_ORIGIN, type StageFailure } from './stage-protocol.ts'

/** A call that takes longer hangs: a chunk computes in seconds, and a restarted stage may have 100 MB to load before it. */
export const CALL_LIMIT_MS = 120_000

/** Calls one stage. All methods throw PipelineError: the stage's own code, `stage_unreachable`, or `stage_timeout`. */
export class StageClient {
  readonly #fetcher: StageFetcher
  readonly #name: string

  /** `name`: in errors. */
  constructor(fetcher: StageFetcher, name: string) {
    this.#fetcher = fetcher
    this.#name = name
  }

  async load(): Promise<void> {
    await this.#call('POST', '/load', undefined, (response) => response.text())
  }

  /** hidden (count, hiddenSize) f32 -> the same after the stage's layers, or its last vector only. */
  async forward(session: string, position: number, hidden: Float32Array, keepLast: boolean): Promise<Float32Array> {
    const path = `/sessions/${session}/forward?position=${position}${keepLast ? '&keep=last' : ''}`
    return new Float32Array(await this.#call('POST', path, bytesOf(hidden), (response) => response.arrayBuffer()))
  }

  async release(session: string): Promise<void> {
    await this.#call('DELETE', `/sessions/${session}`, undefined, (response) => response.text())
  }

  async distribution(hidden: Float32Array, query: SliceQuery): Promise<SliceAnswer> {
    const body = encodeQuery(query, hidden)
    const answer = await this.#call(
      'POST',
      '/distribution',
      body,
      (response) => response.json() as Promise<SliceAnswer>,
    )
    return decodeAnswer(answer)
  }

  async #call<T>(
    method: string,
    path: string,
    body: Uint8Array<ArrayBuffer> | undefined,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    // Not AbortSignal.timeout: its timer would outlive the call, and there are hundreds of calls a second.
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(), CALL_LIMIT_MS)
    try {
      const response = await this.#fetcher.fetch(`${STAGE_ORIGIN}${path}`, { method, body, signal: limit.signal })
      if (!response.ok) throw await this.#failure(response)
      return await read(response)
    } catch (error) {
      if (error instanceof PipelineError) throw error
      throw limit.signal.aborted ? this.#timeout() : this.#unreachable(String(error), error)
    } finally {
      clearTimeout(timer)
    }
  }

  async #failure(response: Response): Promise<PipelineError> {
    const failure = await (response.json() as Promise<StageFailure>).catch(() => undefined)
    // What has no code comes from the runtime: the object was reset, or its process is gone.
    if (failure?.code === undefined) return this.#unreachable(`status ${response.status}`)
    return new PipelineError(failure.code, `${this.#name}: ${failure.message}`)
  }

  #timeout(): PipelineError {
    return new PipelineError('stage_timeout', `${this.#name} gave no answer in ${CALL_LIMIT_MS / 1000} s`)
  }

  #unreachable(why: string, cause?: unknown): PipelineError {
    return new PipelineError('stage_unreachable', `${this.#name} does not answer: ${why}`, { cause })
  }
}
