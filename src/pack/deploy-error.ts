export type DeployErrorCode = 'not_built' | 'script_failed' | 'too_many_assets'

/** A pipeline that cannot be deployed. The message names the script or file and says what to do. */
export class DeployError extends Error {
  override readonly name = 'DeployError'
  readonly code: DeployErrorCode

  constructor(code: DeployErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
