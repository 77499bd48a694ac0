import type { MiddlewareHandler } from 'hono'
import { timingSafeEqual } from 'hono/utils/buffer'
import { sha256 } from 'hono/utils/crypto'
import { z } from 'zod'
import { ApiError } from './errors.ts'

const apiKeys = z
  .array(
    z.strictObject({ name: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits') }),
  )
  .min(1)

function unusable(problem: string): ApiError {
  return new ApiError(
    503,
    'api_keys_invalid',
    `The variable API_KEYS cannot be used: ${problem}. Set it to a JSON array of {"name", "sha256"}.`,
  )
}

/**
 * Lets through who brings a key of the variable API_KEYS, a JSON array of names and of the sha256 of keys; anybody where it is not set.
 * A variable that cannot be read lets nobody in. As OpenAI's clients send a key, `Authorization: Bearer`, or as Anthropic's, `x-api-key`.
 */
export function requireKey(variable: string | undefined): MiddlewareHandler {
  return async (c, next) => {
    if (variable) {
      c.set('keyName', await check(parseKeys(variable), c.req.header('Authorization'), c.req.header('x-api-key')))
    }
    await next()
  }
}

/** Throws an ApiError of status 503. */
function parseKeys(variable: string): z.infer<typeof apiKeys> {
  let json: unknown
  try {
    json = JSON.parse(variable)
  } catch {
    throw unusable('it is no JSON')
  }
  const { success, data, error } = apiKeys.safeParse(json)
  if (!success) throw unusable(`${error.issues[0].path.join('.')}: ${error.issues[0].message}`)
  return data
}

/** The name of the key. Throws an ApiError of status 401. */
async function check(keys: z.infer<typeof apiKeys>, authorization = '', bare?: string): Promise<string> {
  const [, bearer] = authorization.match(/^bearer +(\S+)\s*$/i) ?? []
  const digest = (await sha256(bearer ?? bare ?? '')) ?? ''
  // Every key is compared, so that the time tells nothing of which one is near.
  const matches = await Promise.all(keys.map((key) => timingSafeEqual(key.sha256, digest)))
  const match = matches.indexOf(true)
  if (match >= 0) return keys[match].name
  throw new ApiError(401, 'invalid_api_key', 'A key of this server is needed, as Authorization: Bearer KEY.', {
    headers: { 'WWW-Authenticate': 'Bearer' },
  })
}
