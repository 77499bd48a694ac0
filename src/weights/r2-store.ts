import { parseStoredManifest } from './stored-manifest.ts'
import { MANIFEST_FILE, type WeightStore } from './weight-store.ts'
import { shardMissing, shardTruncated } from './weights-error.ts'

/** A pack in an R2 bucket, its keys below `prefix` (as `weights/name`). */
export function r2Store(bucket: Pick<R2Bucket, 'get' | 'head'>, prefix: string): WeightStore {
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
