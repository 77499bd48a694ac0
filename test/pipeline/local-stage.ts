import type { KernelModules } from '../../src/model/kernels.ts'
import type { HeadSlice } from '../../src/pipeline/head-slice.ts'
import { LayersStage } from '../../src/pipeline/layers-stage.ts'
import { loadStage } from '../../src/pipeline/load-stage.ts'
import { createStageApp } from '../../src/pipeline/stage-app.ts'
import type { StageFetcher } from '../../src/pipeline/stage-bindings.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import type { WeightStore } from '../../src/weights/weight-store.ts'

/** Meets a call before it is computed, by its path; may throw, as a broken connection does. */
export type Meet = (path: string) => void | Promise<void>

/** A stage in this process, with the real weights, layers and protocol; what a process or an isolate can do to it is done by the tests. */
export class LocalStage implements StageFetcher {
  readonly #load: () => Promise<LayersStage | HeadSlice>
  readonly #app = createStageApp({ load: () => this.#loadOnce(), loaded: () => this.#loaded })
  #loading: Promise<LayersStage | HeadSlice> | undefined
  #loaded: LayersStage | HeadSlice | undefined
  /** Paths of all calls. */
  readonly calls: string[] = []
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

  async fetch(input: string | Request, init?: RequestInit): Promise<Response> {
    const request = new Request(input, init)
    const { pathname, search } = new URL(request.url)
    const path = `${request.method} ${pathname}${search}`
    this.calls.push(path)
    await this.before(path)
    const response = await this.#app.fetch(request)
    await this.after(path)
    return response
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
