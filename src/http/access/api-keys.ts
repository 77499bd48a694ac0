import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { AccessConfigError } from './config-error.ts'
import { limitFields } from './limits.ts'

/** Longer ones than this are no keys. */
const MAX_KEY_LENGTH = 512

const apiKey = z.strictObject({
  name: z.string().regex(/^[\w.@-]{1,64}$/, 'expected 1 to 64 letters, digits, and any of . _ @ -'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hex digits'),
  ...limitFields,
  /** Whether GPU origins may go on with its answers; left out: they may. */
  origins: z.boolean().optional(),
  /** Whether it may read /metrics, which tell of all keys; left out: it may not. */
  metrics: z.boolean().optional(),
})

export type ApiKey = z.infer<typeof apiKey>

const apiKeys = z
  .array(apiKey)
  .min(1)
  .refine((keys) => new Set(keys.map(({ name }) => name)).size === keys.length, 'two keys have the same name')

/** A JSON array of names, the sha256 of keys, and their limits. Throws AccessConfigError. @param source where it comes from */
export function parseApiKeys(text: string, source = 'The variable API_KEYS'): readonly ApiKey[] {
  const unusable = (problem: string) =>
    new AccessConfigError(
      'api_keys_invalid',
      `${source} cannot be used: ${problem}. \`nanbeige-edge key NAME\` makes what it has to have.`,
    )
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw unusable('it is no JSON')
  }
  const { success, data, error } = apiKeys.safeParse(json)
  if (success) return data
  const [{ path, message }] = error.issues
  throw unusable(path.length > 0 ? `${path.join('.')}: ${message}` : message)
}

/** What a request brings: as OpenAI's clients send a key, `Authorization: Bearer`, or as Anthropic's, `x-api-key`. */
export function credentialOf(headers: Headers): string | undefined {
  const authorization = headers.get('Authorization')
  if (authorization === null) return headers.get('x-api-key') ?? undefined
  return /^bearer +(\S+)\s*$/i.exec(authorization)?.[1] ?? ''
}

/** The key among these that was brought. Every key is compared, so that the time tells nothing of which one is near. */
export async function matchingKey(keys: readonly ApiKey[], credential: string): Promise<ApiKey | undefined> {
  if (credential.length > MAX_KEY_LENGTH) return undefined
  const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(credential)))
  const matches = keys.filter(({ sha256 }) => timingSafeEqual(Buffer.from(sha256, 'hex'), digest))
  return matches[0]
}
