import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeptCaches, type KeptSequence } from './kept-caches.ts'
import { sharedPrefix } from './shared-prefix.ts'

/** A cache whose contents can be looked at. */
interface Memory {
  readonly name: string
  ids: number[]
}

const memories = (count: number): Memory[] =>
  Array.from({ length: count }, (_, i) => ({ name: 'abcdefgh'[i], ids: [] }))
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
const copy = (to: Memory, from: Memory) => {
  to.ids = [...from.ids]
}

/** Runs what is missing of a text, as a model does. */
function run(sequence: KeptSequence<Memory>, ids: readonly number[]): void {
  const missing = ids.slice(sequence.length)
  sequence.cache.ids = [...sequence.cache.ids.slice(0, sequence.length), ...missing]
  sequence.append(missing)
}

function visit(caches: KeptCaches<Memory>, ids: readonly number[], cacheSalt = '') {
  const sequence = caches.createSequence({ ids, cacheSalt })
  const held = sequence.length
  run(sequence, ids)
  sequence.release()
  return { cache: sequence.cache.name, held }
}

describe('KeptCaches', () => {
  it('goes on from all but the last token of the same text, and from all of a shorter one', () => {
    const caches = new KeptCaches(memories(1))
    expect(visit(caches, range(0, 10)).held).toBe(0)
    expect(visit(caches, range(0, 10)).held).toBe(9)
    expect(visit(caches, range(0, 25)).held).toBe(10)
    expect(visit(caches, [...range(0, 20), 99]).held).toBe(20)
    expect(caches.reused).toEqual({ sequences: 3, tokens: 39 })
  })

  it('takes the cache that holds the most, not the latest, and else the one that was used the longest ago', () => {
    const caches = new KeptCaches(memories(3))
    const texts = [range(0, 10), range(100, 10), range(200, 10)]
    const [a, b, c] = texts.map((text) => visit(caches, text).cache)
    expect(new Set([a, b, c]).size).toBe(3)
    expect(visit(caches, [...texts[0], 1])).toEqual({ cache: a, held: 10 })
    expect(visit(caches, range(300, 5))).toEqual({ cache: b, held: 0 })
    expect(visit(caches, [...texts[2], 1])).toEqual({ cache: c, held: 10 })
  })

  it('parts what has another salt, whichever cache it is in', () => {
    const caches = new KeptCaches(memories(2), { copy })
    const text = range(0, 100)
    visit(caches, text, 'one')
    expect(visit(caches, text, 'other').held).toBe(0)
    expect(visit(caches, text, '').held).toBe(0)
    expect(visit(caches, text, 'one').held).toBe(0)
    expect(visit(caches, text, 'one').held).toBe(99)
  })

  it('copies what another chat begins with, which keeps its own, whether or not it is going on', () => {
    const caches = new KeptCaches(memories(3), { copy })
    const [system, long] = [range(0, 50), range(1000, 100)]
    const first = caches.createSequence({ ids: [...system, ...long], cacheSalt: '' })
    run(first, [...system, ...long])
    const second = visit(caches, [...system, 7, 8])
    expect(second.held).toBe(50)
    expect(second.cache).not.toBe(first.cache.name)
    first.release()
    expect(visit(caches, [...system, 9, 9]).held).toBe(50)
    expect(visit(caches, [...system, ...long, 5])).toEqual({ cache: first.cache.name, held: 150 })
  })

  it('without copies, too, leaves a long text for one that begins alike', () => {
    const caches = new KeptCaches(memories(2))
    const long = range(0, 300)
    visit(caches, long)
    expect(visit(caches, [...range(0, 20), ...range(2000, 30)]).held).toBe(0)
    expect(visit(caches, [...long, 1]).held).toBe(300)
  })

  it('refuses more sequences than there are caches, and tells which have ended, once', () => {
    const ended: string[] = []
    const caches = new KeptCaches(memories(1), { ended: ({ name }) => ended.push(name) })
    const sequence = caches.createSequence()
    expect(() => caches.createSequence()).toThrow('every KV cache is in use')
    sequence.release()
    sequence.release()
    expect(ended).toEqual(['a'])
    caches.createSequence()
    expect(() => caches.createSequence()).toThrow('every KV cache is in use')
  })

  it('never gives a sequence anything but the first tokens of its text, of its salt, whatever came before', () => {
    const text = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 80 })
    const event = fc.record({ text, salt: fc.constantFrom('x', 'y'), cut: fc.nat(80), leaves: fc.nat(3) })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.boolean(), (events, copies) => {
        const caches = new KeptCaches(memories(4), copies ? { copy } : {})
        const open: KeptSequence<Memory>[] = []
        const seen = new Map<string, number[][]>()
        for (const { text, salt, cut, leaves } of events) {
          if (open.length === 4 || leaves === 0) open.shift()?.release()
          if (open.length === 4) continue
          const sequence = caches.createSequence({ ids: text, cacheSalt: salt })
          const of = seen.get(salt) ?? []
          seen.set(salt, [...of, text])
          expect(sequence.length).toBeLessThan(text.length)
          expect(sequence.cache.ids.slice(0, sequence.length)).toEqual(text.slice(0, sequence.length))
          expect(sequence.length).toBeLessThanOrEqual(Math.max(0, ...of.map((other) => sharedPrefix(other, text))))
          // An answer is stopped anywhere, also within its prompt.
          run(sequence, text.slice(0, Math.max(cut, sequence.length)))
          open.push(sequence)
        }
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})
