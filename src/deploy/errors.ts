export type PlanErrorCode = 'stage_too_small' | 'too_many_scripts' | 'plan_too_large' | 'option_invalid'

/** A model that cannot be spread over Durable Objects as asked. The message says what would fit. */
export class PlanError extends Error {
  override readonly name = 'PlanError'
  readonly code: PlanErrorCode

  constructor(code: PlanErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

export type DeployErrorCode = 'not_built' | 'script_failed' | 'too_many_assets' | 'no_keys' | 'too_many_keys'

/** A pipeline that cannot be deployed. The message names the script or file and says what to do. */
export class DeployError extends Error {
  override readonly name = 'DeployError'
  readonly code: DeployErrorCode

  constructor(code: DeployErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
