import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stageFolder } from '../src/pipeline/wrangler-configs.ts'
import { type Question, type StreamedText, streamed } from './pipeline/completion.ts'
import { type EmbeddedPipeline, embeddedPipeline } from './pipeline/embedded-pipeline.ts'
import { type PipelineProcesses, startProcesses } from './pipeline/pipeline-processes.ts'

// Router and stages in processes of their own. One session only: what a failed one does not give back, the next one lacks.
let pack: EmbeddedPipeline
let pipeline: PipelineProcesses
/** What an undisturbed pipeline answers. */
let expected: StreamedText

beforeAll(async () => {
  pack = await embeddedPipeline(1)
  pipeline = await startProcesses(pack.out, pack.plan)
  expected = await streamed(pipeline.url, QUESTION)
})
afterAll(async () => {
  await pipeline?.stop()
  await pack?.remove()
})

const QUESTION: Question = {
  content: 'Tell me a long story about the sea, the ships on it, and the people who sail them.',
  ...{ max_tokens: 60, temperature: 1, seed: 4 },
}

async function restart(stage: number): Promise<void> {
  await pipeline.stages[stage].kill()
  await pipeline.stages[stage].start()
}

/** How often a session was computed anew. */
async function recoveries(): Promise<number> {
  const health = await fetch(`${pipeline.url}/healthz`)
  return ((await health.json()) as { recoveries: number }).recoveries
}

/** The answer, with something done after so many pieces of it. */
function disturbed(after: number, act: () => Promise<void>) {
  return streamed(pipeline.url, QUESTION, async (pieces) => {
    if (pieces === after) await act()
  })
}

it('answers when nothing is disturbed', () => {
  expect(expected).toMatchObject({ finish: 'length', completionTokens: 60, errorCode: undefined })
})

describe('a stream is that of an undisturbed pipeline when', () => {
  // The last stage is a slice of the head.
  it.for([
    [0, 3],
    [1, 30],
    [2, 50],
    [4, 20],
  ])('stage %i is killed after %i pieces', async ([stage, pieces]) => {
    const before = await recoveries()
    expect(await disturbed(pieces, () => restart(stage))).toEqual(expected)
    // A slice of the head holds nothing that could be lost.
    const isHead = pack.plan.stages[stage].kind === 'head'
    expect((await recoveries()) > before).toBe(!isHead)
  })

  it('a stage is away for a while', async () => {
    let back: Promise<void> | undefined
    const stream = disturbed(10, async () => {
      await pipeline.stages[1].kill()
      back = new Promise((resolve) => setTimeout(resolve, 1000)).then(() => pipeline.stages[1].start())
    })
    expect(await stream).toEqual(expected)
    await back
  })

  it('all stages are killed at once', async () => {
    const restartAll = async () => void (await Promise.all(pipeline.stages.map((_, stage) => restart(stage))))
    expect(await disturbed(25, restartAll)).toEqual(expected)
  })

  it.for([0, 2, 3])('the object of stage %i is reset', async (stage) => {
    expect(await disturbed(15, () => pipeline.abort(stage))).toEqual(expected)
  })
})

describe('a stage whose weights are damaged', () => {
  it('ends the stream with an error that names them, and all others are free for the next', async () => {
    const folder = join(pack.out, stageFolder(1), 'assets/weights', pack.plan.name)
    const shard = (await readdir(folder)).find((file) => file.endsWith('.bin'))!
    const bytes = await readFile(join(folder, shard))
    await writeFile(join(folder, shard), bytes.with(5000, bytes[5000] ^ 1))
    try {
      const broken = await disturbed(20, () => restart(1))
      expect(broken.errorCode).toBe('shard_corrupt')
      expect(broken.finish).toBeUndefined()
      expect(expected.text.startsWith(broken.text)).toBe(true)
    } finally {
      await writeFile(join(folder, shard), bytes)
    }
    // The caches of the others would be taken for the length of a lease.
    const start = Date.now()
    expect(await streamed(pipeline.url, QUESTION)).toEqual(expected)
    expect(Date.now() - start).toBeLessThan(20_000)
  })
})
