import { parseStoredManifest } from './stored-manifest.ts'
import { MANIFEST_FILE, type WeightStore } from './weight-store.ts'
import { shardMissing } from './weights-error.ts'

/** The part of a Fetcher that a pack among static assets needs. */
export interface AssetFetcher {
  fetch(input: string, init?: RequestInit): Promise<Response>
}

// A binding routes by path alone; the host only makes the URL complete.
const ORIGIN = 'https://assets.invalid'

/** A pack among the static assets of a Worker, below `basePath` (as `/weights/name`). */
export function assetsStore(assets: AssetFetcher, basePath: string): WeightStore {
  const base = `/${basePath}/`.replaceAll(/\/+/g, '/')

  const get = (file: string, headers: HeadersInit) => assets.fetch(`${ORIGIN}${base}${file}`, { headers })

  return {
    async manifest() {
      const response = await get(MANIFEST_FILE, [])
      return parseStoredManifest(response.ok ? await response.text() : null, base + MANIFEST_FILE)
    },

    async open(file, offset, bytes) {
      const range: HeadersInit = offset === 0 ? [] : [['Range', `bytes=${offset}-${offset + bytes - 1}`]]
      const { status, body } = await get(file, range)
      if ((status !== 200 && status !== 206) || body === null) {
        await body?.cancel()
        throw shardMissing(base + file)
      }
      // Static assets may answer a range request with the whole file.
      return { stream: body, start: status === 206 ? offset : 0 }
    },
  }
}
