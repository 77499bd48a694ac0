import { describe, expect, it } from 'vitest'
import { createRandom, splitMix64, xoshiro128StarStar } from './random.ts'

const take = <T>(count: number, next: () => T) => Array.from({ length: count }, () => next())

describe('random', () => {
  // Vectors of the reference C code, as other implementations (rand_xoshiro; Rosetta Code) also test against.
  it('is xoshiro128**', () => {
    expect(take(6, xoshiro128StarStar(new Uint32Array([1, 2, 3, 4])))).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492,
    ])
  })

  it('is seeded by SplitMix64', () => {
    expect(take(3, splitMix64(1234567n))).toEqual([6457827717110365317n, 3203168211198807973n, 9817491932198370423n])
  })

  it('repeats itself for a seed, and differs for near, negative and large seeds', () => {
    const seeds = [0, 1, 2, -1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]
    for (const seed of seeds) expect(take(20, createRandom(seed))).toEqual(take(20, createRandom(seed)))
    expect(new Set(seeds.map((seed) => createRandom(seed)())).size).toBe(seeds.length)
  })

  it('is not seeded alike twice without a seed', () => {
    expect(take(4, createRandom(undefined))).not.toEqual(take(4, createRandom(undefined)))
  })

  it('fills [0, 1) evenly', () => {
    const draws = 100_000
    const bins = new Float64Array(100)
    const random = createRandom(7)
    for (let i = 0; i < draws; i++) bins[Math.floor(random() * bins.length)]++
    const expected = draws / bins.length
    const chiSquare = bins.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0)
    // 99.9 % point of chi-square with 99 degrees of freedom.
    expect(chiSquare).toBeLessThan(148.2)
  })
})
