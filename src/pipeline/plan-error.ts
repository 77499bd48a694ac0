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
