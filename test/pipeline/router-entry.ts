import { type StageNamespace, stageBinding } from '../../src/pipeline/stage-bindings.ts'
import type { StageMethods } from '../../src/pipeline/stage-protocol.ts'
import { Edge as DeployedEdge } from '../../src/worker.ts'

export { default } from '../../src/worker.ts'

type Env = ConstructorParameters<typeof DeployedEdge>[1]

/** The router as it is deployed, but that its stages are in other processes, behind sockets that have no names for objects. */
export class Edge extends DeployedEdge {
  constructor(ctx: unknown, env: Env) {
    super(ctx, { ...env, ...namespaces(env) })
  }
}

function namespaces(env: Env): Record<string, StageNamespace> {
  const sockets = env as unknown as Record<string, StageMethods>
  return Object.fromEntries(
    env.PLAN!.stages.map((_, index) => [stageBinding(index), { getByName: () => sockets[stageBinding(index)] }]),
  )
}
