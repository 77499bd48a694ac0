import type { Context } from 'hono'
import { Account } from './account.ts'

/** Who asks, as far as the server lets them in. */
export interface Caller {
  /** For the log: of the key, or `loopback` or `public` without one. */
  readonly name: string
  /** Turns and places are shared out fairly among these; undefined: among addresses. */
  readonly client: string | undefined
  /** Whether GPU origins may go on with its answers. */
  readonly mayUseOrigins: boolean
  /** Whether it is told how the server is, and makes tokens for widgets. */
  readonly isOwner: boolean
  /** Whether it may read /metrics, which tell of all keys. */
  readonly mayReadMetrics: boolean
  /** What its requests and tokens are counted on, its own first. */
  readonly accounts: readonly Account[]
}

/** Whoever reaches a server of this machine. */
export const LOOPBACK_CALLER: Caller = {
  name: 'loopback',
  client: undefined,
  mayUseOrigins: true,
  isOwner: true,
  mayReadMetrics: true,
  accounts: [new Account('loopback', {})],
}

/** Who asks; on paths without a guard, and where nothing guards them, whoever reaches a server of this machine. */
export function callerOf(c: Context): Caller {
  return c.get('caller') ?? LOOPBACK_CALLER
}
