export type PipelineErrorCode =
  /** The stage does not hold what the session has computed so far: it restarted, or gave the room to another. */
  | 'session_lost'
  /** Every KV cache of the stage is in use. */
  | 'no_kv_cache'
  | 'stage_unreachable'
  /** The stage took the call and never answered. Not tried again: each attempt could take as long. */
  | 'stage_timeout'
  | 'stage_failed'
  /** The pack was not divided for this plan. */
  | 'plan_mismatch'

/** What goes wrong between the session and its stages. */
export class PipelineError extends Error {
  override readonly name = 'PipelineError'
  /** Of this class, or the code of the error that a stage had, such as a WeightsErrorCode. */
  readonly code: PipelineErrorCode | (string & {})

  constructor(code: PipelineErrorCode | (string & {}), message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
