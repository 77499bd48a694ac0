/** A request that cannot be served as it stands: the client has to change it. */
export class ChatRequestError extends Error {
  readonly code: string
  /** Path of the request field at fault, such as `messages.0.content`. */
  readonly param: string | null

  constructor(code: string, message: string, param: string | null, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ChatRequestError'
    this.code = code
    this.param = param
  }
}

/** The model's own chat template cannot be parsed: a fault of the pack, not of a request. */
export class ChatTemplateSyntaxError extends Error {
  readonly code = 'invalid_chat_template'

  constructor(cause: Error) {
    super(`The chat template of the model cannot be parsed: ${cause.message}. Pack the model again.`, { cause })
    this.name = 'ChatTemplateSyntaxError'
  }
}
