import { beforeEach, describe, expect, it } from 'vitest'
import type { Arena } from '../model/arena.ts'
import type { KvCache } from '../model/kv-cache.ts'
import type { Span, Stage } from '../model/stage.ts'
import { LayersStage, LEASE_MS } from './layers-stage.ts'

const HIDDEN = 4
const CAPACITY = 10

// The layers are not what is tested here: they add up, and note what they are called with.
let now: number
let calls: Span[]
let stage: LayersStage
const memory = new Float32Array(8 * HIDDEN)
const caches: KvCache[] = Array.from({ length: 2 }, () => ({ layers: [], capacity: CAPACITY }))

beforeEach(() => {
  now = 0
  calls = []
  const layers: Pick<Stage, 'forward'> = {
    forward(_, spans, keep) {
      calls.push(...spans)
      const [{ count }] = spans
      for (let i = 0; i < count * HIDDEN; i++) memory[i] += 1
      if (keep === 'last') memory.copyWithin(0, (count - 1) * HIDDEN, count * HIDDEN)
    },
  }
  const arena: Pick<Arena, 'floats'> = { floats: (_, length) => memory.subarray(0, length) }
  stage = new LayersStage(
    {
      ...{ arena: arena as Arena, stage: layers as Stage, caches, hidden: 0, hiddenSize: HIDDEN, chunkLength: 8 },
    },
    () => now,
  )
})

const vectors = (count: number) => Float32Array.from({ length: count * HIDDEN }, (_, i) => i)
const code = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('positions', () => {
  it('go on from what the session holds, and may go back', () => {
    expect(stage.forward('a', 0, vectors(3))).toEqual(vectors(3).map((value) => value + 1))
    stage.forward('a', 3, vectors(1))
    expect(stage.forward('a', 1, vectors(2), 'last')).toEqual(
      vectors(2)
        .slice(HIDDEN)
        .map((value) => value + 1),
    )
    expect(calls.map(({ count, position }) => [count, position])).toEqual([
      [3, 0],
      [1, 3],
      [2, 1],
    ])
    // What was behind the position that it went back to is no longer there.
    expect(code(() => stage.forward('a', 4, vectors(1)))).toBe('session_lost')
    stage.forward('a', 3, vectors(1))
  })

  it('beyond what the session holds are refused, and take no cache', () => {
    expect(code(() => stage.forward('a', 1, vectors(1)))).toBe('session_lost')
    expect(stage.sessions).toBe(0)
    stage.forward('a', 0, vectors(2))
    expect(code(() => stage.forward('a', 3, vectors(1)))).toBe('session_lost')
  })

  it('end with the cache', () => {
    stage.forward('a', 0, vectors(8))
    expect(() => stage.forward('a', 8, vectors(3))).toThrow('11 is behind the 10 tokens of a cache')
    stage.forward('a', 8, vectors(2))
  })

  it('come with whole vectors, no more than a chunk of them', () => {
    for (const length of [0, HIDDEN + 1, 9 * HIDDEN]) {
      expect(() => stage.forward('a', 0, new Float32Array(length))).toThrow('no chunk of 1 to 8 vectors of 4')
    }
    expect(stage.sessions).toBe(0)
  })
})

describe('caches', () => {
  it('belong to one session each, until it is released', () => {
    stage.forward('a', 0, vectors(1))
    stage.forward('b', 0, vectors(1))
    stage.forward('a', 1, vectors(1))
    expect(calls[0].cache).toBe(calls[2].cache)
    expect(calls[0].cache).not.toBe(calls[1].cache)
    expect(code(() => stage.forward('c', 0, vectors(1)))).toBe('no_kv_cache')
    stage.release('b')
    stage.release('b')
    stage.forward('c', 0, vectors(1))
    expect(calls.at(-1)!.cache).toBe(calls[1].cache)
    expect(code(() => stage.forward('d', 0, vectors(1)))).toBe('no_kv_cache')
    expect(code(() => stage.forward('b', 1, vectors(1)))).toBe('session_lost')
  })

  it('keep what they hold when they are released, until another session takes them', () => {
    stage.forward('a', 0, vectors(2))
    stage.release('a')
    expect(stage.sessions).toBe(0)
    stage.forward('b', 0, vectors(1))
    stage.forward('a', 2, vectors(1))
    expect(calls.at(-1)!.cache).toBe(calls[0].cache)
    expect(stage.sessions).toBe(2)
    expect(code(() => stage.forward('c', 0, vectors(1)))).toBe('no_kv_cache')
  })

  it('are taken from the session that was silent for longest, once its lease is over', () => {
    stage.forward('a', 0, vectors(1))
    now = 10
    stage.forward('b', 0, vectors(1))
    now = LEASE_MS - 1
    expect(code(() => stage.forward('c', 0, vectors(1)))).toBe('no_kv_cache')
    now = LEASE_MS
    stage.forward('c', 0, vectors(1))
    expect(calls.at(-1)!.cache).toBe(calls[0].cache)
    expect(code(() => stage.forward('a', 1, vectors(1)))).toBe('session_lost')
    stage.forward('b', 1, vectors(1))
    now = 2 * LEASE_MS
    stage.forward('b', 2, vectors(1))
    stage.forward('a', 0, vectors(1))
    expect(code(() => stage.forward('c', 1, vectors(1)))).toBe('session_lost')
    expect(stage.sessions).toBe(2)
  })
})
