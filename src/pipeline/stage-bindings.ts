import type { Plan } from './stage-plan.ts'
import type { StageMethods } from './stage-protocol.ts'

/** The part of a DurableObjectNamespace that reaching a stage takes. */
export interface StageNamespace {
  getByName(name: string): StageMethods
}

/** Class of the Durable Object that stage-worker.ts exports. */
export const STAGE_CLASS = 'Stage'
/** Name of its only object. */
export const STAGE_OBJECT = 'stage'
export const stageBinding = (index: number) => `STAGE_${index}`

/**
 * The stages of a plan as the router reaches them: straight at the objects, since calls of a service binding count as Worker invocations, of which
 * a request has 32 (https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/#limits).
 */
export function stagesOf(env: Readonly<Record<string, unknown>>, plan: Plan): StageMethods[] {
  return plan.stages.map((_, index) => {
    const namespace = env[stageBinding(index)] as StageNamespace
    // A stub of its own each time: after an error of its object a stub may stay broken.
    // https://developers.cloudflare.com/durable-objects/best-practices/error-handling/
    const stub = () => namespace.getByName(STAGE_OBJECT)
    return {
      load: () => stub().load(),
      forward: (session, position, hidden, keep) => stub().forward(session, position, hidden, keep),
      release: (session) => stub().release(session),
      distribution: (hidden, query) => stub().distribution(hidden, query),
    }
  })
}
