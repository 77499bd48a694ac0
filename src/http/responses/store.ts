import type { Item } from './items.ts'
import type { LoggedEvent } from './log.ts'
import type { ResponseHead } from './objects.ts'

/** After its last use, as what was asked for or as what another response continues, in ms. */
export const KEPT_MS = 7 * 24 * 60 * 60 * 1000
/** Of all responses together: those that were used longest ago go first. */
const MAX_RESPONSES = 4096
const MAX_BYTES = 256 * 1024 * 1024
/** SQLite in a Durable Object takes rows of 2 MB. */
const PIECE_BYTES = 1024 * 1024

/** The part of a Durable Object's `ctx.storage.sql` that is used. */
export interface Sql {
  exec<Row>(query: string, ...bindings: (string | number | null | Uint8Array)[]): { toArray(): Row[] }
}

export interface StoredResponse {
  readonly head: ResponseHead
  /** Of its own request, all with ids. */
  readonly input: readonly Item[]
  /** undefined: it is going on, or was when this object was restarted. */
  readonly log: readonly LoggedEvent[] | undefined
}

export interface StoreLimits {
  readonly responses: number
  readonly bytes: number
}

type Part = keyof StoredResponse

const TABLES = [
  `CREATE TABLE IF NOT EXISTS responses (
    id TEXT PRIMARY KEY, previous TEXT, expires INTEGER NOT NULL, bytes INTEGER NOT NULL DEFAULT 0
  )`,
  'CREATE INDEX IF NOT EXISTS responses_by_use ON responses (expires, bytes)',
  `CREATE TABLE IF NOT EXISTS pieces (
    response TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE, part TEXT NOT NULL, number INTEGER NOT NULL,
    bytes BLOB NOT NULL, PRIMARY KEY (response, part, number)
  )`,
]

/** Responses in SQLite, each as its request and its log. They outlast the object's memory. */
export class ResponseStore {
  readonly #sql: Sql
  readonly #wake: (at: number) => void
  readonly #limits: StoreLimits
  #wakesAt: number | undefined

  /** @param wake has `sweep` called at a time, in ms since 1970, in place of the time before. */
  constructor(
    sql: Sql,
    wake: (at: number) => void,
    limits: StoreLimits = { responses: MAX_RESPONSES, bytes: MAX_BYTES },
  ) {
    this.#sql = sql
    this.#wake = wake
    this.#limits = limits
    for (const table of TABLES) sql.exec(table)
  }

  /** A response begins. */
  add({ head, input }: Omit<StoredResponse, 'log'>): void {
    const { id, previous_response_id: previous } = head
    this.#sql.exec('INSERT INTO responses (id, previous, expires) VALUES (?, ?, ?)', id, previous ?? null, expiry())
    this.#write(id, 'head', head)
    this.#write(id, 'input', input)
    this.sweep()
  }

  /** It has ended. Does nothing where it was deleted. */
  end(id: string, log: readonly LoggedEvent[]): void {
    if (!this.has(id)) return
    this.#write(id, 'log', log)
    this.sweep()
  }

  has(id: string): boolean {
    return this.#sql.exec('SELECT 1 FROM responses WHERE id = ? AND expires > ?', id, Date.now()).toArray().length > 0
  }

  get(id: string): StoredResponse | undefined {
    if (!this.has(id)) return undefined
    return { head: this.#read(id, 'head')!, input: this.#read(id, 'input')!, log: this.#read(id, 'log') }
  }

  /**
   * The ids of a response and of all that it continues, the first one first, and how many bytes they have. They are used by that: their time
   * begins anew. undefined where one of them is gone.
   */
  conversation(id: string): { readonly ids: readonly string[]; readonly bytes: number } | undefined {
    const rows = this.#sql
      .exec<{ id: string; previous: string | null; bytes: number }>(
        `WITH RECURSIVE turns (id, previous, bytes, ago) AS (
          SELECT id, previous, bytes, 0 FROM responses WHERE id = ?1 AND expires > ?2
          UNION ALL
          SELECT r.id, r.previous, r.bytes, ago + 1 FROM responses r JOIN turns ON r.id = turns.previous WHERE expires > ?2
        ) SELECT id, previous, bytes FROM turns ORDER BY ago DESC`,
        id,
        Date.now(),
      )
      .toArray()
    if (rows.length === 0 || rows[0].previous !== null) return undefined
    for (const row of rows) this.#sql.exec('UPDATE responses SET expires = ? WHERE id = ?', expiry(), row.id)
    return { ids: rows.map((row) => row.id), bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0) }
  }

  /** Whether it was there. */
  delete(id: string): boolean {
    const exists = this.has(id)
    this.#sql.exec('DELETE FROM responses WHERE id = ?', id)
    return exists
  }

  /** Expired ones go, then the oldest beyond the limits. */
  sweep(): void {
    this.#sql.exec('DELETE FROM responses WHERE expires <= ?', Date.now())
    while (this.#isOver()) {
      this.#sql.exec('DELETE FROM responses WHERE id = (SELECT id FROM responses ORDER BY expires, rowid LIMIT 1)')
    }
    const [{ next }] = this.#sql.exec<{ next: number | null }>('SELECT MIN(expires) AS next FROM responses').toArray()
    if (next === null || next === this.#wakesAt) return
    this.#wakesAt = next
    this.#wake(next)
  }

  #isOver(): boolean {
    const [{ responses, bytes }] = this.#sql
      .exec<StoreLimits>('SELECT COUNT(*) AS responses, TOTAL(bytes) AS bytes FROM responses')
      .toArray()
    return responses > this.#limits.responses || bytes > this.#limits.bytes
  }

  #write(id: string, part: Part, value: unknown): void {
    const bytes = new TextEncoder().encode(JSON.stringify(value))
    for (let number = 0; number * PIECE_BYTES < bytes.length; number++) {
      const piece = bytes.subarray(number * PIECE_BYTES, (number + 1) * PIECE_BYTES)
      this.#sql.exec('INSERT INTO pieces (response, part, number, bytes) VALUES (?, ?, ?, ?)', id, part, number, piece)
    }
    this.#sql.exec('UPDATE responses SET bytes = bytes + ? WHERE id = ?', bytes.length, id)
  }

  #read<Value extends Part>(id: string, part: Value): StoredResponse[Value] | undefined {
    const pieces = this.#sql
      .exec<{ bytes: ArrayBuffer | Uint8Array }>(
        'SELECT bytes FROM pieces WHERE response = ? AND part = ? ORDER BY number',
        id,
        part,
      )
      .toArray()
    if (pieces.length === 0) return undefined
    const decoder = new TextDecoder()
    const text = pieces.map(({ bytes }) => decoder.decode(bytes, { stream: true })).join('')
    return JSON.parse(text)
  }
}

function expiry(): number {
  return Date.now() + KEPT_MS
}
