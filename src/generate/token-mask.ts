import type { TokenMask } from './distribution.ts'

export function emptyMask(vocabSize: number): TokenMask {
  return new Uint32Array(Math.ceil(vocabSize / 32))
}

/** Every token of the vocabulary. */
export function fullMask(vocabSize: number): TokenMask {
  const mask = emptyMask(vocabSize).fill(0xffffffff)
  if (vocabSize % 32 > 0) mask[mask.length - 1] = 2 ** (vocabSize % 32) - 1
  return mask
}

export function has(mask: TokenMask, id: number): boolean {
  return ((mask[id >>> 5] >>> (id & 31)) & 1) === 1
}

export function add(mask: TokenMask, ids: Iterable<number>): void {
  for (const id of ids) mask[id >>> 5] |= 1 << (id & 31)
}

export function remove(mask: TokenMask, ids: Iterable<number>): void {
  for (const id of ids) mask[id >>> 5] &= ~(1 << (id & 31))
}

export function isEmpty(mask: TokenMask): boolean {
  return mask.every((word) => word === 0)
}
