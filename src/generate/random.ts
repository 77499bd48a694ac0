/** Returns numbers of [0, 1), uniform over the multiples of 2^-53. */
export type Random = () => number

/** Equal integer seeds give equal numbers; undefined takes a seed from the system's own entropy. */
export function createRandom(seed: number | undefined): Random {
  const next = xoshiro128StarStar(seed === undefined ? crypto.getRandomValues(new Uint32Array(4)) : stateFromSeed(seed))
  // The 53 bits of a double from two words, as genrand_res53 of Matsumoto and Nishimura's mt19937ar.c.
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53
}

/**
 * xoshiro128**, Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021);
 * https://prng.di.unimi.it/xoshiro128starstar.c. Returns unsigned 32-bit integers; `state` (4 words, not all 0) is its own.
 */
export function xoshiro128StarStar(state: Uint32Array): () => number {
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(state[1], 5), 7), 9) >>> 0
    const shifted = state[1] << 9
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = rotateLeft(state[3], 11)
    return result
  }
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

/** SplitMix64, which the authors of xoshiro advise for seeding: near seeds give unlike states, and none is all 0. */
function stateFromSeed(seed: number): Uint32Array {
  const next = splitMix64(BigInt(seed))
  return new Uint32Array(new BigUint64Array([next(), next()]).buffer)
}

/** The seed of one of several answers: the first has the request's own, so that it is what the request alone would get. */
export function seedOfAnswer(seed: number | undefined, answer: number): number | undefined {
  if (seed === undefined || answer === 0) return seed
  const next = splitMix64(BigInt(seed))
  let word = 0n
  for (let i = 0; i < answer; i++) word = next()
  return Number(word >> 11n)
}

/** https://prng.di.unimi.it/splitmix64.c */
export function splitMix64(seed: bigint): () => bigint {
  let state = BigInt.asUintN(64, seed)
  return () => {
    state = BigInt.asUintN(64, state + 0x9e3779b97f4a7c15n)
    let z = state
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
    return z ^ (z >> 31n)
  }
}
