import { DurableObject } from 'cloudflare:workers'
import plain from '../../dist/kernels.plain.wasm'
import relaxed from '../../dist/kernels.relaxed.wasm'
import { loadPipeline } from '../../src/pipeline/load-pipeline.ts'
import type { PipelineModel } from '../../src/pipeline/pipeline-model.ts'
import { stagesOf } from '../../src/pipeline/stage-bindings.ts'
import type { Plan } from '../../src/pipeline/stage-plan.ts'
import { openStore, type WeightBindings } from '../../src/weights/open-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { createdMemories } from './created-memories.ts'
import { HeldSequences } from './held-sequences.ts'
import { tokenLines } from './token-lines.ts'

interface Env extends WeightBindings {
  EDGE: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  PLAN: Plan
}

// Of the isolate: an object is evicted when it was idle for seconds, or when a computation has kept the runtime's clock behind.
let model: PipelineModel | undefined
let held: HeldSequences | undefined

/** Stands where the router's object does and drives the same stages, with token ids instead of an API around them. */
export class Edge extends DurableObject<Env> {
  override async fetch(request: Request): Promise<Response> {
    const body = (await request.json()) as never
    switch (new URL(request.url).pathname) {
      case '/load':
        model = await this.#load()
        held = new HeldSequences(model)
        return Response.json({})
      case '/hold':
        return Response.json({ index: await held!.hold(body) })
      case '/generate':
        return tokenLines(held!.continuing(body), body)
      case '/let-go':
        held!.letGo()
        return Response.json({})
      case '/memory':
        return Response.json({ wasmBytes: createdMemories() })
      default:
        return new Response(null, { status: 404 })
    }
  }

  async #load(): Promise<PipelineModel> {
    const { PLAN } = this.env
    const store = openStore(this.env, PLAN.name)
    const manifest = parseManifest(await store.manifest(), 'manifest.json')
    return loadPipeline(store, manifest, PLAN, stagesOf({ ...this.env }, PLAN), { relaxed, plain })
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return env.EDGE.getByName('edge').fetch(request)
  },
}
