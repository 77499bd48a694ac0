import { DatabaseSync } from 'node:sqlite'
import type { Sql } from '../../src/http/responses/store.ts'

/** A database in memory behind the interface of a Durable Object's. */
export function memorySql(): Sql {
  const database = new DatabaseSync(':memory:')
  return {
    exec<Row>(query: string, ...bindings: (string | number | null | Uint8Array)[]) {
      const rows = database.prepare(query).all(...bindings)
      return { toArray: () => rows as Row[] }
    },
  }
}
