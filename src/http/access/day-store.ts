import type { Sql } from '../responses/store.ts'
import type { DayStore } from './allowance.ts'

/** The tokens of this day in SQLite; those of other days are forgotten. */
export class SqlDayStore implements DayStore {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
    sql.exec(
      'CREATE TABLE IF NOT EXISTS spent (account TEXT PRIMARY KEY, day INTEGER NOT NULL, tokens INTEGER NOT NULL)',
    )
  }

  read(day: number, account: string): number {
    const [row] = this.#sql
      .exec<{ tokens: number }>('SELECT tokens FROM spent WHERE account = ? AND day = ?', account, day)
      .toArray()
    return row?.tokens ?? 0
  }

  write(day: number, account: string, tokens: number): void {
    this.#sql.exec('DELETE FROM spent WHERE day <> ?', day)
    this.#sql.exec('INSERT OR REPLACE INTO spent (account, day, tokens) VALUES (?, ?, ?)', account, day, tokens)
  }
}
