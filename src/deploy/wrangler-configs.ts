import { STAGE_CLASS, stageBinding } from '../pipeline/stage-bindings.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { PlanError } from './errors.ts'
import { MAX_CPU_MS, MAX_SCRIPT_NAME, MAX_SUBREQUESTS, MAX_VARIABLE_BYTES } from './platform-limits.ts'

/** The part of wrangler.toml that the scripts of a pipeline take over. */
export interface BaseConfig {
  readonly name: string
  readonly main: string
  readonly compatibility_date: string
  readonly compatibility_flags: readonly string[]
  readonly assets: { readonly directory: string; readonly binding: string }
  readonly durable_objects: { readonly bindings: readonly object[] }
  readonly vars: Readonly<Record<string, unknown>>
}

/** One Worker script of a pipeline: a folder with its `wrangler.json` and its static assets in `assets/`. */
export interface Script {
  /** Of the Worker. */
  readonly name: string
  /** Name of the folder. */
  readonly folder: string
  readonly config: object
}

export const CONFIG_FILE = 'wrangler.json'
export const ASSETS_FOLDER = 'assets'
export const ROUTER_FOLDER = 'router'
export const stageFolder = (index: number) => `stage-${index}`

/**
 * The scripts of a pipeline in the order of deployment: the router, whose bindings name the stages, comes last. `mainOf` says
 * where a file of the repository lies as seen from the folder of a script. Throws PlanError.
 */
export function wranglerConfigs(base: BaseConfig, plan: Plan, mainOf: (path: string) => string): Script[] {
  const router = scriptName(base, plan)
  const variable = JSON.stringify(plan)
  if (variable.length > MAX_VARIABLE_BYTES) {
    throw new PlanError(
      'plan_too_large',
      `the plan of ${plan.stages.length} stages takes ${variable.length} bytes where a Worker's variable holds ${MAX_VARIABLE_BYTES}; raise --stage-mib, or pack with fewer --planes`,
    )
  }
  const { compatibility_date, compatibility_flags } = base
  const stages = plan.stages.map((_, index): Script => {
    const folder = stageFolder(index)
    const name = `${router}-${folder}`
    const config = {
      name,
      main: mainOf('src/pipeline/stage-worker.ts'),
      compatibility_date,
      compatibility_flags,
      // Only the router may call it.
      workers_dev: false,
      preview_urls: false,
      assets: { directory: ASSETS_FOLDER, binding: base.assets.binding, run_worker_first: true },
      durable_objects: { bindings: [{ name: 'STAGE_OBJECT', class_name: STAGE_CLASS }] },
      migrations: [{ tag: 'v1', new_sqlite_classes: [STAGE_CLASS] }],
      vars: { STAGE: index, PLAN: plan },
      limits: { cpu_ms: MAX_CPU_MS },
    }
    return { name, folder, config }
  })
  const config = {
    ...base,
    name: router,
    main: mainOf(base.main),
    assets: { ...base.assets, directory: ASSETS_FOLDER },
    durable_objects: {
      bindings: [
        ...base.durable_objects.bindings,
        ...stages.map(({ name }, index) => ({
          name: stageBinding(index),
          class_name: STAGE_CLASS,
          script_name: name,
        })),
      ],
    },
    vars: { ...base.vars, MODEL: plan.name, CONTEXT_LENGTH: plan.contextLength, PLAN: plan },
    limits: { cpu_ms: MAX_CPU_MS, subrequests: MAX_SUBREQUESTS },
  }
  return [...stages, { name: router, folder: ROUTER_FOLDER, config }]
}

function scriptName({ name }: BaseConfig, plan: Plan): string {
  const model = plan.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  const router = `${name}-${model}`
  const longest = `${router}-${stageFolder(plan.stages.length - 1)}`
  if (longest.length <= MAX_SCRIPT_NAME) return router
  throw new PlanError(
    'option_invalid',
    `Worker name ${longest} is longer than ${MAX_SCRIPT_NAME} letters; pack the model again with a shorter --name`,
  )
}
