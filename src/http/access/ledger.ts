import type { Sql } from '../responses/store.ts'
import { DAY_MS, type Spent } from './allowance.ts'

/** How often what counts no more is deleted. */
const SWEEP_MS = DAY_MS / 24

/** What an account has taken of its limits, by their units. */
type AccountSpent = Readonly<Record<string, Spent | undefined>>

/** What accounts have taken, in SQLite. Times are in ms as Date.now() counts. */
export class Ledger {
  readonly #sql: Sql
  #sweptAt = 0

  constructor(sql: Sql) {
    this.#sql = sql
    sql.exec('CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, at INTEGER NOT NULL, spent TEXT NOT NULL)')
  }

  read(account: string): AccountSpent {
    const [row] = this.#sql.exec<{ spent: string }>('SELECT spent FROM accounts WHERE id = ?', account).toArray()
    return row ? JSON.parse(row.spent) : {}
  }

  write(account: string, spent: AccountSpent, now: number): void {
    if (now - this.#sweptAt >= SWEEP_MS) this.#sweep(now)
    this.#sql.exec(
      'INSERT OR REPLACE INTO accounts (id, at, spent) VALUES (?, ?, ?)',
      account,
      now,
      JSON.stringify(spent),
    )
  }

  #sweep(now: number): void {
    this.#sweptAt = now
    this.#sql.exec('DELETE FROM accounts WHERE at < ?', now - DAY_MS)
  }
}
