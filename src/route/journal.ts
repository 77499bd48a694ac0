import type { OriginLog } from '../origin/origin.ts'

/** Events of an origin's life that a health check tells, the rest is in the log only. */
const TOLD = new Set(['origin_circuit', 'origin_text_mode'])
const MAX_TOLD = 20

interface Change {
  readonly at: string
  readonly event: string
  readonly origin: string
}

/** Writes what happens to the origins into the log, one JSON text a line, and remembers the latest changes. */
export class OriginJournal {
  readonly #changes: Change[] = []

  readonly log: OriginLog = (entry) => {
    logLine(entry)
    if (!TOLD.has(entry.event)) return
    this.#changes.push({ at: new Date().toISOString(), ...entry })
    if (this.#changes.length > MAX_TOLD) this.#changes.shift()
  }

  /** The latest, oldest first. */
  changesOf(origin: string): Omit<Change, 'origin'>[] {
    return this.#changes.filter((change) => change.origin === origin).map(({ origin: _, ...change }) => change)
  }
}

/** One line of the Worker's log. */
export function logLine(entry: object): void {
  console.log(JSON.stringify(entry))
}
