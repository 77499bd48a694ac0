import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stageFolder } from '../../src/deploy/wrangler-configs.ts'
import { HEARTBEAT_MS } from '../../src/http/sse.ts'
import { LEASE_MS } from '../../src/pipeline/layers-stage.ts'
import { ask, type Question, type StreamedText, streamed } from './completion.ts'
import { type EmbeddedPipeline, embeddedPipeline } from './embedded-pipeline.ts'
import { type PipelineProcesses, startProcesses } from './pipeline-processes.ts'

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

interface Health {
  readonly tokensComputed: number
  /** Tokens that a cache was taken to hold. */
  readonly reused: { readonly tokens: number }
  /** How often a session was computed anew. */
  readonly recoveries: number
  /** Requests that wait for their turn. */
  readonly waiting: number
}

async function health(): Promise<Health> {
  const response = await fetch(`${pipeline.url}/healthz`)
  return response.json() as Promise<Health>
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
    const before = await health()
    expect(await disturbed(pieces, () => restart(stage))).toEqual(expected)
    // A slice of the head holds nothing that could be lost.
    const isHead = pack.plan.stages[stage].kind === 'head'
    expect((await health()).recoveries > before.recoveries).toBe(!isHead)
  })

  it('a stage is away for a while', async () => {
    let back: Promise<void> | undefined
    const stream = disturbed(10, async () => {
      await pipeline.stages[1].kill()
      back = setTimeout(1000).then(() => pipeline.stages[1].start())
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

it('does not answer a client that hung up while a stage was away, and has its place free', async () => {
  const start = await health()
  await streamed(pipeline.url, QUESTION)
  const before = await health()
  // The stage that is killed has none of the prompt.
  const whole = before.tokensComputed - start.tokensComputed + before.reused.tokens - start.reused.tokens
  const last = pack.plan.stages.findLastIndex(({ kind }) => kind === 'layers')
  await pipeline.stages[last].kill()
  const client = new AbortController()
  // Its stream begins and has no text yet.
  expect((await ask(pipeline.url, QUESTION, true, client.signal)).status).toBe(200)
  const next = streamed(pipeline.url, QUESTION)
  await expect.poll(async () => (await health()).waiting, { timeout: LEASE_MS }).toBe(1)
  client.abort()
  // Noticed at the first byte that cannot be sent.
  await setTimeout(3 * HEARTBEAT_MS)
  await pipeline.stages[last].start()
  // Its turn comes when the place is free.
  expect(await next).toEqual(expected)
  expect((await health()).tokensComputed - before.tokensComputed).toBe(whole)
})

describe('a stage whose weights are damaged', () => {
  const DAMAGED = 1

  /** Runs with a byte of a shard changed; its name. */
  async function damaged(run: () => Promise<void>): Promise<string> {
    const folder = join(pack.out, stageFolder(DAMAGED), 'assets/weights', pack.plan.name)
    const shard = (await readdir(folder)).find((file) => file.endsWith('.bin'))!
    const bytes = await readFile(join(folder, shard))
    await writeFile(join(folder, shard), bytes.with(5000, bytes[5000] ^ 1))
    try {
      await run()
    } finally {
      await writeFile(join(folder, shard), bytes)
    }
    return shard
  }

  /** Every other stage gives its only cache to a new session: in a moment, since nobody waits for the end of the one before. */
  async function expectOthersFree(): Promise<void> {
    for (const [index, { kind }] of pack.plan.stages.entries()) {
      if (kind !== 'layers' || index === DAMAGED) continue
      await expect.poll(() => pipeline.hasRoom(index, pack.hiddenSize), { timeout: LEASE_MS / 3 }).toBe(true)
    }
  }

  it('ends the stream with an error, all others are free again, and so is it once they are mended', async () => {
    await damaged(async () => {
      const broken = await disturbed(20, () => restart(DAMAGED))
      expect(broken.errorCode).toBe('shard_corrupt')
      expect(broken.finish).toBeUndefined()
      expect(expected.text.startsWith(broken.text)).toBe(true)
      await expectOthersFree()
    })
    expect(await streamed(pipeline.url, QUESTION)).toEqual(expected)
  })

  it('refuses a request with 503 and the name of the shard, and all others are free', async () => {
    let error: { code: string; message: string } | undefined
    const shard = await damaged(async () => {
      await restart(DAMAGED)
      const response = await ask(pipeline.url, QUESTION, false)
      expect(response.status).toBe(503)
      error = ((await response.json()) as { error: { code: string; message: string } }).error
      await expectOthersFree()
    })
    expect(error!.code).toBe('shard_corrupt')
    expect(error!.message).toContain(shard)
    expect(error!.message).toContain(`stage ${DAMAGED} (layers`)
  })
})
