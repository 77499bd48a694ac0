/** Who is let in cannot be read: nobody is then. The message names the variable or the file, and says what to do. */
export class AccessConfigError extends Error {
  override readonly name = 'AccessConfigError'
  readonly code: 'api_keys_invalid' | 'allowed_origins_invalid'

  constructor(code: AccessConfigError['code'], message: string) {
    super(message)
    this.code = code
  }
}
