import { z } from 'zod'
import { KIND_NAMES } from './clients/kinds.ts'
import { Secret } from './secret.ts'

const milliseconds = z.int().positive()

/** Long enough for a full context of prefill and an hour of thinking; a stalled stream is given up after 30 s. */
const timers = z.strictObject({
  /** Until the response begins. llama-server begins it with the first token: there firstTokenMs counts alone. */
  connectMs: milliseconds.default(10_000),
  /** From the request to the first token: queueing and prefill at the origin. */
  firstTokenMs: milliseconds.default(60_000),
  /** Between two tokens. */
  idleMs: milliseconds.default(30_000),
  /** From the request to its end. */
  totalMs: milliseconds.default(60 * 60_000),
})

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

const url = z
  .url({ protocol: /^https?$/ })
  .check(({ value, issues }) => {
    const { username, password, search, hash } = new URL(value)
    if (username || password || search || hash) {
      issues.push({ code: 'custom', input: value, message: 'no credentials, query or fragment may stand in the URL' })
    }
  })
  // The servers have their native endpoints beside /v1, so that the URL is kept without it.
  .transform((value) => value.replace(/\/+$/, '').replace(/\/v1$/, ''))

const origin = z
  .strictObject({
    name: z.string().regex(/^[\w.-]+$/, 'letters, digits, dot, hyphen and underscore only'),
    kind: z.enum(KIND_NAMES),
    url,
    /** The model's name at the origin. */
    model: z.string().min(1),
    /** Share of the requests among origins of the same order. */
    weight: z.number().positive().default(1),
    /** Origins of a higher order are asked when all lower ones cannot go on. */
    order: z.int().default(0),
    /** Name of the Worker secret that holds the API key. */
    keySecret: z.string().min(1).optional(),
    timers: timers.default(timers.parse({})),
  })
  .check(({ value, issues }) => {
    const { protocol, hostname } = new URL(value.url)
    if (value.keySecret !== undefined && protocol === 'http:' && !LOOPBACK.has(hostname)) {
      issues.push({
        code: 'custom',
        input: value.url,
        path: ['url'],
        message: 'a key is sent over https only (or to the same machine)',
      })
    }
  })

const originList = z.array(origin).check(({ value, issues }) => {
  const names = value.map(({ name }) => name)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) issues.push({ code: 'custom', input: twice, message: `two origins are named '${twice}'` })
})

export type OriginTimers = z.infer<typeof timers>
export interface OriginConfig extends Omit<z.infer<typeof origin>, 'keySecret'> {
  readonly key: Secret | undefined
}

export class OriginConfigError extends Error {
  readonly code = 'origin_config_invalid'

  constructor(problem: string) {
    super(`The variable ORIGINS cannot be used: ${problem}. See deploy/origin/README.md for its form.`)
    this.name = 'OriginConfigError'
  }
}

/**
 * The origins of the variable ORIGINS: a JSON array, or what JSON.parse makes of one; none where it is not set.
 * `env` holds the Worker's secrets. Throws OriginConfigError.
 */
export function parseOrigins(variable: unknown, env: Readonly<Record<string, unknown>>): OriginConfig[] {
  if (!variable) return []
  const { success, data, error } = originList.safeParse(typeof variable === 'string' ? parseJson(variable) : variable)
  if (!success) {
    const [{ path, message }] = error.issues
    throw new OriginConfigError(path.length > 0 ? `${path.join('.')}: ${message}` : message)
  }
  return data.map(({ keySecret, ...rest }) => ({ ...rest, key: readKey(rest.name, keySecret, env) }))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new OriginConfigError(`it is no JSON (${(error as Error).message})`)
  }
}

function readKey(name: string, keySecret: string | undefined, env: Readonly<Record<string, unknown>>) {
  if (keySecret === undefined) return undefined
  const value = env[keySecret]
  if (typeof value === 'string' && value.trim() !== '') {
    // What a file or a shell adds at the end is no part of a key; anything else that no header can carry is a mistake.
    if (/^[\x21-\x7e]+$/.test(value.trim())) return new Secret(value.trim())
    throw new OriginConfigError(
      `the secret ${keySecret} of origin '${name}' has characters that no HTTP header can carry`,
    )
  }
  throw new OriginConfigError(
    `the secret ${keySecret} of origin '${name}' is not set (npx wrangler secret put ${keySecret})`,
  )
}
