/** An address that nobody can listen at. The message says what to do. */
export class AddressError extends Error {
  override readonly name = 'AddressError'
}

/** A model that is served in no way. The message says what to do. */
export class ServeError extends Error {
  override readonly name = 'ServeError'
}
