import { sign, verify } from 'hono/jwt'
import { decodeBase64Url, encodeBase64Url } from 'hono/utils/encode'
import { z } from 'zod'
import type { Sql } from '../responses/store.ts'
import { Account } from './account.ts'
import type { Ledger } from './ledger.ts'

const SECRET_BYTES = 32

/** What a token says, in the names of JWT (RFC 7519). */
const claims = z.object({
  /** Name of the key that it was made with. */
  sub: z.string(),
  /** Origin of the site whose pages may use it. */
  aud: z.string(),
  jti: z.string(),
  iat: z.number(),
  exp: z.number(),
  /** What it may be used for in all. */
  requests: z.int().positive(),
  tokens: z.int().positive(),
})

export type WidgetClaims = z.infer<typeof claims>

interface Session {
  readonly account: Account
  /** In seconds, as in the token. */
  readonly ends: number
}

/** Short-lived tokens for the pages of one site, which so never hold a key. They are signed by a secret that this object alone knows. */
export class WidgetTokens {
  readonly #secret: string
  readonly #ledger: Ledger | undefined
  readonly #sessions = new Map<string, Session>()

  /** @param sql where the secret outlasts the memory, and @param ledger what was used of tokens; left out: nowhere. */
  constructor(sql?: Sql, ledger?: Ledger) {
    this.#secret = sql ? storedSecret(sql) : newSecret()
    this.#ledger = ledger
  }

  sign(granted: Omit<WidgetClaims, 'jti'>): Promise<string> {
    return sign({ ...granted, jti: crypto.randomUUID() }, this.#secret, 'HS256')
  }

  /** What a token says that was signed here and has its time; undefined: it is none. */
  async read(token: string): Promise<WidgetClaims | undefined> {
    const [signature] = /(?<=^[\w-]+\.[\w-]+\.)[\w-]{43}$/.exec(token) ?? []
    // Four spellings of the last letter stand for the same bytes: one is right.
    if (signature === undefined || canonical(signature) !== signature) return undefined
    try {
      return claims.parse(await verify(token, this.#secret, { alg: 'HS256' }))
    } catch {
      return undefined
    }
  }

  /** What was used of a token. */
  accountOf({ jti, exp, requests, tokens }: WidgetClaims): Account {
    const session = this.#sessions.get(jti)
    if (session) return session.account
    this.#forgetEnded()
    const account = new Account(`widget ${jti}`, {}, { total: { requests, tokens }, ledger: this.#ledger })
    this.#sessions.set(jti, { account, ends: exp })
    return account
  }

  #forgetEnded(): void {
    for (const [jti, { ends }] of this.#sessions) if (ends * 1000 < Date.now()) this.#sessions.delete(jti)
  }
}

function canonical(text: string): string {
  return encodeBase64Url(decodeBase64Url(text).buffer as ArrayBuffer).replaceAll('=', '')
}

function storedSecret(sql: Sql): string {
  sql.exec('CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)')
  sql.exec("INSERT OR IGNORE INTO secrets (name, value) VALUES ('widget', ?)", newSecret())
  const [{ value }] = sql.exec<{ value: string }>("SELECT value FROM secrets WHERE name = 'widget'").toArray()
  return value
}

/** Only within a handler, or where a Durable Object is made: workerd allows no random numbers before. */
function newSecret(): string {
  return encodeBase64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).buffer)
}
