import { PackError } from '../pack-error.ts'

/** Longest that the hub may take to answer, and to send the next bytes of a file. */
export const HUB_PATIENCE_MS = 60_000
/** Most bytes of all answers that are no files, and most of these answers: a list has a page for 1,000 files. */
const MAX_ANSWER_BYTES = 64 * 2 ** 20
const MAX_ANSWERS = 100

/**
 * `fetch` for the questions to a hub that one download asks: it asks no other host, which would get the token (a list's next page is an address that the hub writes), and
 * reads answers of a bounded size in a bounded time. Throws PackError.
 */
export function hubFetch(hubUrl: string): typeof fetch {
  const { origin } = new URL(hubUrl)
  let bytesLeft = MAX_ANSWER_BYTES
  let answersLeft = MAX_ANSWERS
  return async (input, init) => {
    const url = new URL(String(input))
    if (url.origin !== origin) {
      throw new PackError(
        'download_failed',
        `${origin} sends on to ${url.origin}, which is not asked; check HF_ENDPOINT`,
      )
    }
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(HUB_PATIENCE_MS) })
    const bytes = await readUpTo(response, bytesLeft)
    if (bytes === undefined || answersLeft-- === 0) {
      throw new PackError('download_failed', `${origin} answers without end; check HF_ENDPOINT`)
    }
    bytesLeft -= bytes.length
    const { status, headers } = response
    return new Response(bytes.length === 0 ? null : bytes, { status, headers })
  }
}

/** undefined: there are more than `most` bytes. */
async function readUpTo({ body }: Response, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of body ?? []) {
    parts.push(part)
    length += part.length
    // Leaving the loop ends the connection.
    if (length > most) return undefined
  }
  return Buffer.concat(parts)
}
