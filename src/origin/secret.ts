/** A value that shows in no log: neither String() nor JSON nor an inspector sees it. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  /** The text without the value, for messages of others that may repeat it. */
  redact(text: string): string {
    return text.replaceAll(this.#value, '[secret]')
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }
}
