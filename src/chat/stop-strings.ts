export interface StopStringResult {
  /** Text that is free of every stop string for certain. */
  readonly text: string
  /** The stop string that was found: what follows `text` is dropped. */
  readonly stop: string | undefined
}

/**
 * Finds stop strings in text that arrives in pieces, whatever the borders of the pieces. The match that is complete
 * first wins, the longest of those that end together. Only text that may still become a stop string is held back.
 */
export class StopStrings {
  readonly #stops: readonly string[]
  #held = ''

  /** The strings must not be empty. */
  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  push(piece: string): StopStringResult {
    const text = this.#held + piece
    const match = this.#firstMatch(text)
    if (match) {
      this.#held = ''
      return { text: text.slice(0, match.start), stop: match.stop }
    }
    const held = this.#heldFrom(text)
    this.#held = text.slice(held)
    return { text: text.slice(0, held), stop: undefined }
  }

  /** The text still held back, when no more will come. */
  flush(): string {
    const text = this.#held
    this.#held = ''
    return text
  }

  /** The winning match, and where it starts. */
  #firstMatch(text: string): { readonly start: number; readonly stop: string } | undefined {
    let best: { start: number; end: number; stop: string } | undefined
    for (const stop of this.#stops) {
      const start = text.indexOf(stop)
      if (start < 0) continue
      const end = start + stop.length
      if (!best || end < best.end || (end === best.end && start < best.start)) best = { start, end, stop }
    }
    return best
  }

  /** Where the longest ending of the text that begins a stop string starts. */
  #heldFrom(text: string): number {
    const longest = Math.max(0, ...this.#stops.map((stop) => stop.length - 1))
    for (let start = Math.max(0, text.length - longest); start < text.length; start++) {
      if (this.#stops.some((stop) => stop.startsWith(text.slice(start)))) return start
    }
    return text.length
  }
}
