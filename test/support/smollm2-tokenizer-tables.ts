import { existsSync, readFileSync } from 'node:fs'

const PACK = 'weights/smollm2-135m-instruct'

/** The tokenizer tables of the SmolLM2 pack, or undefined where the pack is not there. */
export function smolLm2Tables(): Uint8Array | undefined {
  if (!existsSync(`${PACK}/manifest.json`)) return undefined
  const { shard, offset, bytes } = JSON.parse(readFileSync(`${PACK}/manifest.json`, 'utf8')).tokenizer
  return new Uint8Array(readFileSync(`${PACK}/${shard}`)).subarray(offset, offset + bytes)
}
