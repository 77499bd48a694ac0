import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Part, Stepper } from './stepper.ts'

const never = new AbortController().signal
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** Sequences are names; each step is noted as how many tokens of whom it took. */
function watched(columns: number, fail: (parts: readonly Part<string>[]) => void = () => {}) {
  const steps: Record<string, number>[] = []
  const seen: Record<string, number[]> = {}
  const stepper = new Stepper<string>((parts) => {
    fail(parts)
    steps.push(Object.fromEntries(parts.map(({ sequence, tokens }) => [sequence, tokens.length])))
    for (const { sequence, tokens } of parts) seen[sequence] = [...(seen[sequence] ?? []), ...tokens]
  }, columns)
  return { stepper, steps, seen }
}

describe('Stepper', () => {
  it('takes the next tokens of all at once', async () => {
    const { stepper, steps } = watched(8)
    await Promise.all(['a', 'b', 'c'].map((name) => stepper.run(name, [1], never)))
    expect(steps).toEqual([{ a: 1, b: 1, c: 1 }])
  })

  it('reads a long prompt beside an answer, which has a token in every step', async () => {
    const { stepper, steps } = watched(8)
    const prompt = stepper.run('prompt', range(40), never)
    let isRead = false
    void prompt.then(() => {
      isRead = true
    })
    while (!isRead) await stepper.run('answer', [1], never)
    expect(steps.slice(0, 5)).toEqual(Array(5).fill({ prompt: 7, answer: 1 }))
  })

  it('reads prompts in turns, so that a short one does not wait for the end of a long one', async () => {
    const { stepper, steps } = watched(8)
    const long = stepper.run('long', range(100), never)
    await stepper.run('short', range(10), never)
    expect(steps.length).toBeLessThanOrEqual(4)
    await long
    // Whatever room a prompt leaves the next one takes.
    expect(steps.map((step) => Object.values(step).reduce((sum, count) => sum + count)).slice(0, -1)).toEqual(
      Array(13).fill(8),
    )
  })

  it('leaves nobody out, where there are more answers than columns', async () => {
    const { stepper } = watched(2)
    const names = ['a', 'b', 'c', 'd', 'e']
    const counts = new Map(names.map((name) => [name, 0]))
    let going = true
    const answers = names.map(async (name) => {
      while (going) {
        await stepper.run(name, [1], never)
        counts.set(name, counts.get(name)! + 1)
      }
    })
    for (let i = 0; i < 8; i++) await stepper.run('prompt', range(2), never)
    going = false
    await Promise.all(answers)
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(2)
  })

  it('stops within a step for whoever has left, and tells the others nothing', async () => {
    const abort = new AbortController()
    const { stepper, seen } = watched(4, () => abort.abort())
    await Promise.all([stepper.run('gone', range(40), abort.signal), stepper.run('here', range(9), never)])
    expect(seen.here).toEqual(range(9))
    expect(seen.gone?.length ?? 0).toBeLessThanOrEqual(4)
  })

  it('fails for those of the step only, and goes on', async () => {
    const { stepper, seen } = watched(1, ([{ sequence }]) => {
      if (sequence === 'bad') throw new Error('no such token')
    })
    const bad = stepper.run('bad', [1], never)
    const good = stepper.run('good', [1], never)
    await expect(bad).rejects.toThrow('no such token')
    await good
    await stepper.run('good', [2], never)
    expect(seen).toEqual({ good: [1, 2] })
  })

  it('gives every sequence all of its tokens, in order, in no step more than there are columns', async () => {
    const work = fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(fc.array(work, { maxLength: 6 }), fc.integer({ min: 1, max: 9 }), async (all, columns) => {
        const { stepper, steps, seen } = watched(columns)
        await Promise.all(
          all.map(async (calls, sequence) => {
            for (const count of calls) await stepper.run(String(sequence), range(count), never)
          }),
        )
        for (const [sequence, calls] of all.entries()) {
          expect(seen[sequence] ?? []).toEqual(calls.flatMap((count) => range(count)))
        }
        for (const step of steps) {
          const tokens = Object.values(step).reduce((sum, count) => sum + count, 0)
          expect(tokens).toBeGreaterThan(0)
          expect(tokens).toBeLessThanOrEqual(columns)
        }
      }),
      { seed: 1, numRuns: 60 },
    )
  })
})
