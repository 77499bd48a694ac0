import type { Context, MiddlewareHandler } from 'hono'
import { echo } from '../../echo.ts'
import { ApiError } from '../errors.ts'
import type { Sql } from '../responses/store.ts'
import { addressOf } from '../visitor.ts'
import { Account } from './account.ts'
import { type ApiKey, credentialOf, matchingKey, parseApiKeys } from './api-keys.ts'
import { type Caller, callerOf, LOOPBACK_CALLER } from './caller.ts'
import { Ledger } from './ledger.ts'
import { STRANGER_LIMITS } from './limits.ts'
import { isLoopback, Sites } from './sites.ts'
import { type WidgetClaims, WidgetTokens } from './widget-tokens.ts'

/** Paths that a page needs to chat. */
const FOR_WIDGETS = /^\/v1\/(chat\/completions|models)(\/|$)/
/** Of addresses without keys: whoever asked the longest ago is forgotten first. */
const MAX_ADDRESSES = 10_000

export interface AccessSettings {
  /** The variable API_KEYS. */
  readonly apiKeys?: string | null
  /**
   * The variable ACCESS, who is let in without a key: `loopback`, whoever reaches a server that this machine alone reaches, while there are
   * no keys; `public`, strangers, with limits for each address; `public-shared`, strangers with the limits of one, where nobody tells them apart. Not
   * set: nobody.
   */
  readonly access?: string | null
  /** The variable ALLOWED_ORIGINS. */
  readonly allowedOrigins?: string | null
  /** Where what was taken of limits and the secret of widgets' tokens outlast the memory; left out: nowhere. */
  readonly sql?: Sql
}

/** What a widget's token may be used for. */
interface Granted {
  readonly seconds: number
  readonly requests: number
  readonly tokens: number
}

/** Decides who is let in, by the variables of the Worker. */
export class Access {
  readonly sites: Sites
  readonly #settings: AccessSettings
  readonly #ledger: Ledger | undefined
  #keys: readonly ApiKey[] | undefined
  #tokens: WidgetTokens | undefined
  readonly #accounts = new Map<string, Account>()
  readonly #addresses = new Map<string, Account>()

  constructor(settings: AccessSettings) {
    this.#settings = settings
    this.#ledger = settings.sql && new Ledger(settings.sql)
    this.sites = new Sites(settings.allowedOrigins ?? undefined, this.#isLoopback)
  }

  /** Lets through who may ask, counts the request, and tells of the limits. Throws an ApiError of status 401, 403 or 429, and AccessConfigError. */
  readonly guard: MiddlewareHandler = async (c, next) => {
    const caller = await this.caller(c)
    c.set('caller', caller)
    if (c.req.method === 'POST' && !isStop(c.req.path)) {
      for (const account of caller.accounts) account.checkRequest()
      for (const account of caller.accounts) account.countRequest()
    }
    for (const [name, value] of Object.entries(caller.accounts[0].headers())) c.header(name, value)
    await next()
  }

  /** Throws AccessConfigError where a variable cannot be read. */
  check(): void {
    if (this.#settings.apiKeys) this.#parsedKeys(this.#settings.apiKeys)
    this.sites.allows('')
  }

  #parsedKeys(variable: string): readonly ApiKey[] {
    this.#keys ??= parseApiKeys(variable)
    return this.#keys
  }

  /** Who asks. Throws an ApiError of status 401 or 403, and AccessConfigError. */
  async caller(c: Context): Promise<Caller> {
    this.sites.check(c.req.raw)
    const { apiKeys, access } = this.#settings
    if (this.#isLoopback) return loopback(c.req.raw)
    const credential = credentialOf(c.req.raw.headers)
    if (access?.startsWith('public') && (credential === undefined || !apiKeys)) return this.#stranger(c)
    if (!apiKeys) {
      throw unauthorized(
        'api_keys_missing',
        'This server lets nobody in yet: its owner has to set API_KEYS, as `nanbeige-edge key NAME` prints it.',
      )
    }
    const keys = this.#parsedKeys(apiKeys)
    const key = await matchingKey(keys, credential ?? '')
    if (key) return this.#holder(key)
    const claims = await this.#widgetTokens.read(credential ?? '')
    const signer = keys.find(({ name }) => name === claims?.sub)
    if (claims && signer) return this.#widget(c, claims, this.#holder(signer))
    throw unauthorized('invalid_api_key', 'A key of this server is needed, as Authorization: Bearer KEY.')
  }

  /**
   * A token for the pages of a site, made by whoever asks. Throws an ApiError of status 403 where a stranger or a page asks, and of 400 for a
   * site whose pages may not ask.
   */
  async widgetToken(c: Context, site: string, { seconds, requests, tokens }: Granted) {
    const { name, isOwner } = callerOf(c)
    if (!isOwner) {
      throw new ApiError(403, 'key_needed', "A widget's token is made with a key, by the server of its site.")
    }
    if (!this.sites.allows(site)) {
      throw new ApiError(
        400,
        'site_not_allowed',
        `Pages of '${echo(site)}' may not ask this server: name its origin, as https://shop.example, in the variable ALLOWED_ORIGINS.`,
        { param: 'site' },
      )
    }
    const now = Math.floor(Date.now() / 1000)
    const expires = now + seconds
    const token = await this.#widgetTokens.sign({ sub: name, aud: site, iat: now, exp: expires, requests, tokens })
    return { token, site, expires_at: expires, requests, tokens }
  }

  get #widgetTokens(): WidgetTokens {
    this.#tokens ??= new WidgetTokens(this.#settings.sql, this.#ledger)
    return this.#tokens
  }

  /** Throws an ApiError of status 403 where the token is used from elsewhere, or for something else. */
  #widget(c: Context, claims: WidgetClaims, { name, mayUseOrigins, accounts }: Caller): Caller {
    if (!this.sites.isOf(c.req.raw, claims.aud)) {
      throw new ApiError(403, 'wrong_site', `This token is for pages of ${claims.aud}, and for no other.`)
    }
    if (!FOR_WIDGETS.test(c.req.path)) {
      throw new ApiError(403, 'key_needed', "A widget's token is for /v1/chat/completions and /v1/models: use a key.")
    }
    return {
      name: `${name}/widget`,
      client: `widget ${claims.jti}`,
      mayUseOrigins,
      isOwner: false,
      mayReadMetrics: false,
      accounts: [this.#widgetTokens.accountOf(claims), ...accounts],
    }
  }

  get #isLoopback(): boolean {
    return this.#settings.access === 'loopback' && !this.#settings.apiKeys
  }

  #holder(key: ApiKey): Caller {
    const { name, origins = true, metrics = false } = key
    let account = this.#accounts.get(name)
    if (!account) {
      account = new Account(`key ${name}`, key, { ledger: this.#ledger })
      this.#accounts.set(name, account)
    }
    return {
      name,
      client: `key ${name}`,
      mayUseOrigins: origins,
      isOwner: true,
      mayReadMetrics: metrics,
      accounts: [account],
    }
  }

  #stranger(c: Context): Caller {
    // What Cloudflare has not seen to, a client can write itself. Miniflare (5.20261117) says that it is Cloudflare.
    const isSeenTo = this.#settings.access === 'public' && 'cf' in c.req.raw && c.req.raw.cf
    const address = isSeenTo ? addressOf(c) : ''
    const account =
      this.#addresses.get(address) ?? new Account(`address ${address}`, STRANGER_LIMITS, { ledger: this.#ledger })
    this.#addresses.delete(address)
    this.#addresses.set(address, account)
    if (this.#addresses.size > MAX_ADDRESSES) this.#forgetAddress()
    return {
      name: 'public',
      client: undefined,
      mayUseOrigins: false,
      isOwner: false,
      mayReadMetrics: false,
      accounts: [account],
    }
  }

  #forgetAddress(): void {
    for (const [address, account] of this.#addresses) {
      if (!account.isIdle) continue
      account.save()
      this.#addresses.delete(address)
      return
    }
  }
}

/**
 * Throws an ApiError of status 403 where the server is called by a name that is not this machine's: a site may have its own name resolve to
 * 127.0.0.1, and its pages are then of the same origin. They may write other headers: Miniflare (5.20261117) takes the URL from `MF-Original-URL`,
 * and leaves `Host` as the browser wrote it.
 */
function loopback({ url, headers }: Request): Caller {
  const named = headers.get('Host')
  for (const asked of [url, ...(named === null ? [] : [`http://${named}`])]) {
    if (URL.canParse(asked) && isLoopback(new URL(asked))) continue
    throw new ApiError(
      403,
      'host_not_allowed',
      `Without keys only this machine is served, by the names localhost, 127.0.0.1 and [::1], and not as ${echo(named ?? new URL(url).host)}. Set API_KEYS.`,
    )
  }
  return LOOPBACK_CALLER
}

/** What ends an answer is never refused for asking too much. */
function isStop(path: string): boolean {
  return /\/(cancel|answer)\/?$/.test(path)
}

function unauthorized(code: string, message: string): ApiError {
  return new ApiError(401, code, message, { headers: { 'WWW-Authenticate': 'Bearer' } })
}
