import { describe, expect, test } from 'vitest'
import {
  ATTENTIVE,
  GenerationQueue,
  MAX_WAITING,
  MAX_WAITING_OF_CLIENT,
  QueueFullError,
  type Visitor,
} from './queue.ts'

const never = new AbortController().signal

/** Lets every promise that can be settled settle. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

const from = (client: string, listening = () => true): Visitor => ({ client, listening })

/** A queue whose turns are noted under the names of those who get them. */
function watched(...args: ConstructorParameters<typeof GenerationQueue>) {
  const queue = new GenerationQueue(...args)
  const served: string[] = []
  const come = (name: string, visitor = from(name), begun = false) => {
    const place = begun ? queue.rejoin(visitor, never) : queue.enter(visitor, never)
    place.turn.then(() => served.push(name))
    return place
  }
  return { queue, served, come }
}

describe('GenerationQueue', () => {
  test('serves one at a time, in order', async () => {
    const { served, come } = watched()
    const places = ['a', 'b', 'c'].map((name) => come(name))
    await settle()
    expect(served).toEqual(['a'])
    places[0].leave()
    await settle()
    expect(served).toEqual(['a', 'b'])
    places[1].leave()
    await settle()
    expect(served).toEqual(['a', 'b', 'c'])
  })

  test('has more turns as soon as it is told', async () => {
    const { queue, served, come } = watched()
    for (const name of ['a', 'b', 'c', 'd']) come(name)
    queue.turns = 3
    await settle()
    expect(served).toEqual(['a', 'b', 'c'])
    expect([queue.running, queue.waiting, queue.ahead]).toEqual([3, 1, 2])
  })

  test('a newcomer does not overtake the one whose turn has come', async () => {
    const { served, come } = watched()
    const first = come('first')
    come('waiting')
    first.leave()
    come('newcomer')
    await settle()
    expect(served).toEqual(['first', 'waiting'])
  })

  test('an answer that has begun comes back first, however many wait', async () => {
    const { queue, served, come } = watched(1, 1)
    expect(queue.ahead).toBe(0)
    const first = come('first')
    expect(queue.ahead).toBe(1)
    come('newcomer')
    expect(queue.ahead).toBe(2)
    expect(() => come('refused')).toThrow(QueueFullError)
    const begun = come('begun', ATTENTIVE, true)
    first.leave()
    begun.leave()
    await settle()
    expect(served).toEqual(['first', 'begun', 'newcomer'])
  })

  test('leaving twice does not let two in', async () => {
    const { served, come } = watched()
    const first = come('first')
    come('second')
    come('third')
    first.leave()
    first.leave()
    await settle()
    expect(served).toEqual(['first', 'second'])
  })

  test('who leaves while waiting, or whose signal aborts, frees the place and is skipped', async () => {
    const { queue, served, come } = watched()
    const first = come('first')
    const leaver = new AbortController()
    const aborted = queue.enter(from('aborted'), leaver.signal)
    come('left').leave()
    come('next')
    expect(queue.waiting).toBe(2)
    leaver.abort(new Error('gone'))
    await expect(aborted.turn).rejects.toThrow('gone')
    expect(queue.waiting).toBe(1)
    first.leave()
    await settle()
    expect(served).toEqual(['first', 'next'])
  })

  test('who is gone already does not take a turn; a turn is kept until it is given back', async () => {
    const { queue, served, come } = watched()
    await expect(queue.enter(ATTENTIVE, AbortSignal.abort(new Error('gone'))).turn).rejects.toThrow('gone')
    const computing = new AbortController()
    const place = queue.enter(ATTENTIVE, computing.signal)
    come('next')
    computing.abort()
    await settle()
    expect(served).toEqual([])
    place.leave()
    await settle()
    expect(served).toEqual(['next'])
  })

  test('refuses the caller after the last waiting place, and only then', async () => {
    const { queue, come } = watched()
    const first = come('first')
    for (let i = 0; i < MAX_WAITING; i++) come(`${i}`)
    expect(() => come('late')).toThrow(QueueFullError)
    first.leave()
    come('late')
    expect(queue.waiting).toBe(MAX_WAITING)
  })

  test('one client cannot take the places of all others, nor turn after turn', async () => {
    const { served, come } = watched()
    const first = come('greedy')
    for (let i = 0; i < MAX_WAITING_OF_CLIENT; i++) come('greedy')
    expect(() => come('greedy')).toThrow(/8 requests of yours/)
    come('other')
    first.leave()
    await settle()
    expect(served).toEqual(['greedy', 'other'])
  })

  test('clients take turns', async () => {
    const { served, come } = watched()
    const places = ['a', 'a', 'a', 'b', 'b', 'c'].map((name) => come(name))
    for (let turns = 1; turns <= places.length; turns++) {
      await settle()
      expect(served.length).toBe(turns)
      // Whoever was served last holds the turn: the place with so many of its name before it.
      const name = served.at(-1)
      const nth = served.filter((other) => other === name).length
      places.filter((_, index) => ['a', 'a', 'a', 'b', 'b', 'c'][index] === name)[nth - 1].leave()
    }
    expect(served.join('')).toBe('abcaba')
  })

  test('whose answer nobody reads comes last, begun or not, and hears that it is in the way', async () => {
    const { queue, served, come } = watched()
    let listening = false
    const first = come('first')
    come(
      'unread',
      from('unread', () => listening),
      true,
    )
    expect(queue.wanted).toBe(false)
    come('read')
    expect(queue.wanted).toBe(true)
    first.leave()
    await settle()
    expect(served).toEqual(['first', 'read'])
    listening = true
    expect(queue.wanted).toBe(true)
  })
})
