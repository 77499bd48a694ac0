import type { Manifest } from './manifest.ts'
import { sha256Hex } from './sha256.ts'

/**
 * The digest that a manifest carries of itself: sha256 of its canonical form, in hex. The canonical form is the JSON of the manifest
 * without `digest`, in UTF-8, keys of every object sorted by UTF-16 code units, no white space, and numbers and strings as
 * JSON.stringify writes them (RFC 8785). It tells of damage and of edits by hand; it is no signature.
 */
export async function manifestDigest({ digest, ...rest }: Readonly<Record<string, unknown>>): Promise<string> {
  return sha256Hex(new TextEncoder().encode(JSON.stringify(rest, sortedKeys)))
}

/** The manifest with its own digest, in place of one that it may have had. */
export async function withDigest({ digest, ...rest }: Manifest): Promise<Manifest> {
  return { ...rest, digest: await manifestDigest(rest) }
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  // Without a prototype, so that a key `__proto__` is a key as any other.
  const sorted: Record<string, unknown> = Object.create(null)
  for (const key of Object.keys(value).sort()) sorted[key] = (value as Record<string, unknown>)[key]
  return sorted
}
