import { WorkerEntrypoint } from 'cloudflare:workers'
import type { Keep } from '../../src/model/stage.ts'
import type { SliceQuery } from '../../src/pipeline/head-slice.ts'
import type { StageMethods } from '../../src/pipeline/stage-protocol.ts'
import { Stage as DeployedStage } from '../../src/pipeline/stage-worker.ts'
import { ABORT_PATH, PROBE_PATH } from './stage-paths.ts'

/** A stage as it is deployed, which can be told to break. */
export class Stage extends DeployedStage {
  abort(): void {
    this.ctx.abort('aborted by a test')
  }
}

interface Env {
  STAGE_OBJECT: { getByName(name: string): StageMethods & { abort(): Promise<void> } }
}

/** Deployed, a stage is reached at its object; from another process, only through a socket. */
export default class extends WorkerEntrypoint<Env> implements StageMethods {
  get #stage() {
    return this.env.STAGE_OBJECT.getByName('stage')
  }

  load() {
    return this.#stage.load()
  }

  forward(session: string, position: number, hidden: Float32Array<ArrayBuffer>, keep: Keep) {
    return this.#stage.forward(session, position, hidden, keep)
  }

  release(session: string) {
    return this.#stage.release(session)
  }

  distribution(hidden: Float32Array<ArrayBuffer>, query: SliceQuery) {
    return this.#stage.distribution(hidden, query)
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (pathname === ABORT_PATH) {
      // The call is lost with the object.
      await this.#stage.abort().catch(() => {})
      return new Response()
    }
    const hidden = new Float32Array(Number(pathname.slice(PROBE_PATH.length)))
    const outcome = await this.forward('probe', 0, hidden, 'all')
    await this.release('probe')
    return Response.json(outcome, { status: 'value' in outcome && outcome.value.length === hidden.length ? 200 : 503 })
  }
}
