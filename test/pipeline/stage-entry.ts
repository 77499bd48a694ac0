import { Stage as DeployedStage } from '../../src/pipeline/stage-worker.ts'
import { ABORT_PATH } from './abort-path.ts'

/** A stage as it is deployed, which can be told to break. */
export class Stage extends DeployedStage {
  override fetch(request: Request): Response | Promise<Response> {
    if (new URL(request.url).pathname === ABORT_PATH) this.ctx.abort('aborted by a test')
    return super.fetch(request)
  }
}

interface Env {
  STAGE_OBJECT: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
}

export default {
  /** Deployed, a stage is reached at its object; from another process, only through a socket. */
  fetch(request: Request, env: Env): Promise<Response> {
    return env.STAGE_OBJECT.getByName('stage').fetch(request)
  },
}
