import { parseStoredManifest } from './stored-manifest.ts'
import { MANIFEST_FILE, type WeightStore } from './weight-store.ts'
import { shardMissing, shardTruncated } from './weights-error.ts'

/** The part of an R2Bucket that a pack needs. */
export interface Bucket {
  get(key: string): Promise<{ text(): Promise<string> } | null>
  get(
    key: string,
    options: { range: { offset: number; length: number } },
  ): Promise<{ body: ReadableStream<Uint8Array> } | null>
  head(key: string): Promise<{ size: number } | null>
}

/** A pack in an R2 bucket, its keys below `prefix` (as `weights/name`). */
export function r2Store(bucket: Bucket, prefix: string): WeightStore {
  const key = (file: string) => `${prefix}/${file}`

  return {
    async manifest() {
      const object = await bucket.get(key(MANIFEST_FILE))
      return parseStoredManifest(object === null ? null : await object.text(), `R2 object ${key(MANIFEST_FILE)}`)
    },

    async open(file, offset, bytes) {
      const object = await bucket.get(key(file), { range: { offset, length: bytes } }).catch(async (error) => {
        // A range that starts past the end is an error of R2's own, without a code to tell it by.
        const head = await bucket.head(key(file))
        throw head !== null && head.size <= offset ? shardTruncated(`R2 object ${key(file)}`, head.size) : error
      })
      if (object === null) throw shardMissing(`R2 object ${key(file)}`)
      return { stream: object.body, start: offset }
    },
  }
}
