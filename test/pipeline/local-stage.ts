import type { KernelModules } from '../../src/model/kernels.ts'
import type { Keep } from '../../src/model/stage.ts'
import type { HeadSlice, SliceQuery } from '../../src/pipeline/head-slice.ts'
import { LayersStage } from '../../src/pipeline/layers-stage.ts'
import { loadStage } from '../../src/pipeline/load-stage.ts'
import { StageCalls } from '../../src/pipeline/stage-calls.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import type { StageMethods } from '../../src/pipeline/stage-protocol.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import type { WeightStore } from '../../src/weights/weight-store.ts'

export interface Call {
  readonly method: keyof StageMethods
  readonly session?: string
  readonly position?: number
}

/** Meets a call before it is computed; may throw, as a broken connection does. */
export type Meet = (call: Call) => void | Promise<void>

/** A stage in this process, with the real weights, layers and protocol; what a process or an isolate can do to it is done by the tests. */
export class LocalStage implements StageMethods {
  readonly #load: () => Promise<LayersStage | HeadSlice>
  readonly #stage = new StageCalls({ load: () => this.#loadOnce(), loaded: () => this.#loaded })
  #loading: Promise<LayersStage | HeadSlice> | undefined
  #loaded: LayersStage | HeadSlice | undefined
  readonly calls: Call[] = []
  before: Meet = () => {}
  /** The same, with the result computed and not yet received. */
  after: Meet = () => {}

  constructor(store: WeightStore, plan: Plan, index: number, modules: KernelModules) {
    this.#load = async () => {
      const manifest = parseManifest(await store.manifest(), plan.name)
      return loadStage(store, manifest, plan, index, modules)
    }
  }

  /** Sessions that hold a KV cache. */
  get sessions(): number {
    return this.#loaded instanceof LayersStage ? this.#loaded.sessions : 0
  }

  /** All memory is lost; the next call loads the weights again. */
  restart(): void {
    this.#loading = this.#loaded = undefined
  }

  load() {
    return this.#call({ method: 'load' }, () => this.#stage.load())
  }

  /** The stage frees the vectors that it gets, which are a copy. */
  forward(session: string, position: number, hidden: Float32Array<ArrayBuffer>, keep: Keep) {
    return this.#call({ method: 'forward', session, position }, () =>
      this.#stage.forward(session, position, hidden.slice(), keep),
    )
  }

  release(session: string) {
    return this.#call({ method: 'release', session }, () => this.#stage.release(session))
  }

  distribution(hidden: Float32Array<ArrayBuffer>, query: SliceQuery) {
    return this.#call({ method: 'distribution' }, () => this.#stage.distribution(hidden, query))
  }

  /** The result is copied, as on its way between isolates. */
  async #call<T>(call: Call, answer: () => Promise<T>): Promise<T> {
    this.calls.push(call)
    await this.before(call)
    const result = structuredClone(await answer())
    await this.after(call)
    return result
  }

  #loadOnce(): Promise<LayersStage | HeadSlice> {
    this.#loading ??= this.#load()
      .then((stage) => {
        this.#loaded = stage
        return stage
      })
      .catch((error) => {
        this.#loading = undefined
        throw error
      })
    return this.#loading
  }
}
