import { DurableObject } from 'cloudflare:workers'
import plain from '../../dist/kernels.plain.wasm'
import relaxed from '../../dist/kernels.relaxed.wasm'
import type { Keep } from '../model/stage.ts'
import { openStore, type WeightBindings } from '../weights/open-store.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import type { HeadSlice, SliceQuery } from './head-slice.ts'
import type { LayersStage } from './layers-stage.ts'
import { loadStage } from './load-stage.ts'
import { StageCalls } from './stage-calls.ts'
import type { Plan } from './stage-plan.ts'
import type { StageMethods } from './stage-protocol.ts'

interface Env extends WeightBindings {
  PLAN: Plan
  STAGE: number
}

// Of the isolate and not of the object: whatever object of it is called, the weights and the sessions are the same.
let loaded: LayersStage | HeadSlice | undefined

async function load(env: Env): Promise<LayersStage | HeadSlice> {
  const { PLAN, STAGE } = env
  const store = openStore(env, PLAN.name)
  const manifest = parseManifest(await store.manifest(), 'manifest.json')
  return loadStage(store, manifest, PLAN, STAGE, { relaxed, plain })
}

/** One stage of a pipeline. */
export class Stage extends DurableObject<Env> implements StageMethods {
  // Of the object: what one that was reset had begun to read will never end.
  #loading: Promise<LayersStage | HeadSlice> | undefined
  readonly #calls = new StageCalls({
    loaded: () => loaded,
    load: async () => {
      if (loaded) return loaded
      this.#loading ??= load(this.env).finally(() => {
        this.#loading = undefined
      })
      loaded = await this.#loading
      return loaded
    },
  })

  load() {
    return this.#calls.load()
  }

  forward(session: string, position: number, hidden: Float32Array<ArrayBuffer>, keep: Keep) {
    return this.#calls.forward(session, position, hidden, keep)
  }

  release(session: string) {
    return this.#calls.release(session)
  }

  distribution(hidden: Float32Array<ArrayBuffer>, query: SliceQuery) {
    return this.#calls.distribution(hidden, query)
  }
}

export default {
  /** Only the router's session reaches a stage, straight at its object. */
  fetch(): Response {
    return new Response(null, { status: 404 })
  },
}
