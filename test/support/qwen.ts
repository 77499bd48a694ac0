import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Where `npm run model:qwen` puts its pack. */
export const qwenPack = fileURLToPath(new URL('../../weights/qwen2.5-coder-0.5b-instruct', import.meta.url))

export const hasQwen = existsSync(`${qwenPack}/manifest.json`)

/** The tokenizer tables of that pack. */
export function qwenTables(): Uint8Array {
  const { shard, offset, bytes } = JSON.parse(readFileSync(`${qwenPack}/manifest.json`, 'utf8')).tokenizer
  return new Uint8Array(readFileSync(`${qwenPack}/${shard}`)).subarray(offset, offset + bytes)
}
