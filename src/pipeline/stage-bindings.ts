import type { Plan } from './stage-plan.ts'

/** The part of a DurableObjectNamespace that reaching a stage takes. */
export interface StageNamespace {
  getByName(name: string): StageFetcher
}

export interface StageFetcher {
  fetch(input: string | Request, init?: RequestInit): Promise<Response>
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
export function stageFetchers(env: Readonly<Record<string, unknown>>, plan: Plan): StageFetcher[] {
  return plan.stages.map((_, index) => {
    const namespace = env[stageBinding(index)] as StageNamespace
    // A stub of its own each time: after an error of its object a stub may stay broken.
    // https://developers.cloudflare.com/durable-objects/best-practices/error-handling/
    return { fetch: (input, init) => namespace.getByName(STAGE_OBJECT).fetch(input, init) }
  })
}
