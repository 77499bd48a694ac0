import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { parseApiKeys } from '../http/access/api-keys.ts'
import { isLoopback, Sites } from '../http/access/sites.ts'
import { ServeError } from './errors.ts'
import type { Address } from './forward.ts'

export interface AccessOptions {
  /** API key that every request has to bring. */
  readonly key?: string
  /** A file of keys that `nanbeige-edge key NAME --file` wrote, in its place. */
  readonly keys?: string
  /** Strangers are served too, with limits and without GPU origins. */
  readonly public?: boolean
  /** Sites whose pages may ask. */
  readonly allowedOrigins?: string
}

/** Variables of the Worker that say who may ask. `hasKeys`: there are some without these options. Throws ServeError, AccessConfigError. */
export async function accessVars(options: AccessOptions, { host }: Address, hasKeys: boolean) {
  const { key, keys, public: isPublic = false, allowedOrigins } = options
  const apiKeys = keys === undefined ? key && oneKey(key) : await readKeys(keys)
  const isHere = isLoopback(new URL(`http://${host.includes(':') ? `[${host}]` : host}`))
  if (!isHere && !apiKeys && !hasKeys && !isPublic) {
    throw new ServeError(
      `at ${host} other machines reach this server: say who may ask, by --key KEY or --keys FILE, or --public for anybody, with limits and without GPU origins`,
    )
  }
  if (allowedOrigins) new Sites(allowedOrigins, false).allows('')
  return {
    ...(apiKeys && { API_KEYS: apiKeys }),
    ...(allowedOrigins && { ALLOWED_ORIGINS: allowedOrigins }),
    ACCESS: isPublic ? 'public-shared' : isHere ? 'loopback' : '',
  }
}

/** The value of API_KEYS in a file. Throws AccessConfigError. */
export async function readKeys(path: string): Promise<string> {
  return JSON.stringify(parseApiKeys(await readFile(path, 'utf8'), path))
}

/** Of the server's owner, who holds the only key. */
function oneKey(key: string): string {
  return JSON.stringify([{ name: 'serve', sha256: createHash('sha256').update(key).digest('hex'), metrics: true }])
}
