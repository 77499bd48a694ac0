import fc from 'fast-check'
import { expect, it } from 'vitest'
import { prefill } from './prefill.ts'

const STAGES = 3
const chunksOf = (count: number) => Array.from({ length: count }, (_, i) => i)
const never = new AbortController().signal

/** Stages that end when told to; hidden is the path of a chunk so far. */
class Stages {
  readonly started: string[] = []
  readonly #ends = new Map<string, { resolve(): void; reject(error: unknown): void }>()

  run = async (stage: number, chunk: number, hidden: string): Promise<string> => {
    const name = `${stage}/${chunk}`
    this.started.push(name)
    await new Promise<void>((resolve, reject) => this.#ends.set(name, { resolve, reject }))
    return `${hidden} ${stage}`
  }

  /** Stage and chunk of what has started and not ended. */
  get running(): string[] {
    return [...this.#ends.keys()]
  }

  async end(name: string, error?: unknown): Promise<void> {
    const { resolve, reject } = this.#ends.get(name)!
    this.#ends.delete(name)
    if (error === undefined) resolve()
    else reject(error)
    await settled()
  }

  async endAll(): Promise<void> {
    for (;;) {
      const [name] = this.running
      if (name === undefined) return
      await this.end(name)
    }
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))
const embed = async (chunk: number) => `chunk ${chunk}:`

/** prefill of chunks, and how many have been embedded. */
async function start(chunks: number, signal: AbortSignal = never) {
  const stages = new Stages()
  const embedded: number[] = []
  const result = prefill(
    STAGES,
    chunksOf(chunks),
    (chunk) => {
      embedded.push(chunk)
      return embed(chunk)
    },
    stages.run,
    signal,
  )
  // Looked at when it is awaited: until then it is no unhandled rejection.
  result.catch(() => {})
  await settled()
  return { stages, embedded, result }
}

it('runs every chunk through every stage in order, whichever ends first, and gives what the last one became', () =>
  fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.infiniteStream(fc.nat()), async (chunks, picks) => {
      const { stages, result } = await start(chunks)
      while (stages.running.length > 0) {
        const { running } = stages
        // One of a stage at a time, and never two stages on the same chunk.
        expect(new Set(running.map((name) => name.split('/')[0])).size).toBe(running.length)
        expect(new Set(running.map((name) => name.split('/')[1])).size).toBe(running.length)
        await stages.end(running[picks.next().value! % running.length])
      }
      expect(await result).toBe(`chunk ${chunks - 1}: 0 1 2`)
      for (let stage = 0; stage < STAGES; stage++) {
        const own = stages.started.filter((name) => name.startsWith(`${stage}/`))
        expect(own).toEqual(chunksOf(chunks).map((chunk) => `${stage}/${chunk}`))
      }
    }),
    { seed: 1, numRuns: 100 },
  ))

it('has all stages work at once', async () => {
  const { stages, result } = await start(9)
  expect(stages.running).toEqual(['0/0'])
  await stages.end('0/0')
  expect(stages.running.toSorted()).toEqual(['0/1', '1/0'])
  await stages.end('0/1')
  await stages.end('1/0')
  expect(stages.running.toSorted()).toEqual(['0/2', '1/1', '2/0'])
  await stages.endAll()
  await result
})

it('keeps no more chunks under way than one more than there are stages', async () => {
  const { stages, embedded, result } = await start(20)
  expect(embedded).toEqual([0, 1, 2, 3])
  // The first stage could go on for ever, were the last one slow.
  for (const chunk of [0, 1, 2, 3]) await stages.end(`0/${chunk}`)
  expect(stages.running).toEqual(['1/0'])
  await stages.end('1/0')
  expect(embedded).toHaveLength(4)
  await stages.end('2/0')
  expect(embedded).toHaveLength(5)
  await stages.endAll()
  expect(await result).toBe('chunk 19: 0 1 2')
})

it('starts nothing more after an error, waits for what is under way, and throws the first error', async () => {
  const { stages, embedded, result } = await start(20)
  let over = false
  const ended = result.finally(() => {
    over = true
  })
  const refused = expect(ended).rejects.toThrow('first')
  await stages.end('0/0')
  await stages.end('0/1')
  expect(stages.running.toSorted()).toEqual(['0/2', '1/0'])
  const { length } = stages.started
  await stages.end('1/0', new Error('first'))
  expect(over).toBe(false)
  await stages.end('0/2', new Error('second'))
  await refused
  expect(stages.started).toHaveLength(length)
  expect(embedded).toEqual([0, 1, 2, 3])
})

it('throws the error of an embedding', async () => {
  const stages = new Stages()
  const failing = (chunk: number) => (chunk === 1 ? Promise.reject(new Error('no page')) : embed(chunk))
  const refused = expect(prefill(STAGES, chunksOf(9), failing, stages.run, never)).rejects.toThrow('no page')
  await settled()
  await stages.endAll()
  await refused
  expect(stages.started.filter((name) => name.startsWith('0/'))).toEqual(['0/0'])
})

it('starts nothing more after an abort, and ends when what is under way has ended', async () => {
  const abort = new AbortController()
  const { stages, embedded, result } = await start(20, abort.signal)
  let over = false
  const ended = result.then((hidden) => {
    over = true
    return hidden
  })
  await stages.end('0/0')
  await stages.end('0/1')
  expect(stages.running.toSorted()).toEqual(['0/2', '1/0'])
  abort.abort()
  await stages.end('1/0')
  expect(over).toBe(false)
  // What fails then is of no interest to anybody.
  await stages.end('0/2', new Error('lost'))
  expect(await ended).toBeUndefined()
  expect(stages.started).toEqual(['0/0', '0/1', '1/0', '0/2'])
  expect(embedded).toEqual([0, 1, 2, 3])
})

it('does nothing at all when it is aborted before', async () => {
  const { stages, embedded, result } = await start(3, AbortSignal.abort())
  expect(await result).toBeUndefined()
  expect([stages.started, embedded]).toEqual([[], []])
})
