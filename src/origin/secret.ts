/** Part of a secret that is as long as this is taken for the secret: others may cut off what they repeat. */
const LEAST_PART = 8

/** A value that shows in no log: neither String() nor JSON nor an inspector sees it. */
export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  /** The text without the value and without parts of it, for messages of others that may repeat it. */
  redact(text: string): string {
    const json = JSON.stringify(this.#value).slice(1, -1)
    // As it is, and as it stands in JSON (PHP's too) and in a URL.
    const spellings = new Set([this.#value, json, json.replaceAll('/', '\\/'), encodeURIComponent(this.#value)])
    let redacted = text
    for (const spelling of spellings) redacted = withoutParts(redacted, spelling)
    return redacted
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }
}

function withoutParts(text: string, secret: string): string {
  const least = Math.min(LEAST_PART, secret.length)
  let kept = ''
  for (let at = 0; at < text.length; ) {
    let end = at + least
    if (end > text.length || !secret.includes(text.slice(at, end))) {
      kept += text[at++]
      continue
    }
    while (end < text.length && secret.includes(text.slice(at, end + 1))) end++
    kept += '[secret]'
    at = end
  }
  return kept
}
