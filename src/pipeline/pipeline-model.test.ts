import { readFile, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { greedy } from '../../bench/edge/model-workload.ts'
import type { Call, LocalStage } from '../../test/pipeline/local-stage.ts'
import { TINY_CONTEXT, TINY_VOCAB, type TinyPipeline, tinyPipeline } from '../../test/pipeline/tiny-pipeline.ts'
import { samplingParams } from '../chat/sampling.ts'
import { generate } from '../generate/generate.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import type { GenerateRequest } from '../generate/types.ts'
import type { PipelineModel } from './pipeline-model.ts'

let tiny: TinyPipeline
let stages: LocalStage[]
let model: PipelineModel

beforeAll(async () => {
  tiny = await tinyPipeline()
})
afterAll(() => tiny?.remove())
beforeEach(async () => {
  stages = tiny.stages()
  model = await tiny.pipeline(stages)
})

const LAYERS = [0, 1, 2]
const prompt = (length: number) => Array.from({ length }, (_, i) => (i * 37 + 11) % TINY_VOCAB)

async function ids(language: LanguageModel, request: GenerateRequest): Promise<number[]> {
  const tokens: number[] = []
  for await (const { id } of generate(language, request)) tokens.push(id)
  return tokens
}

const sampled: fc.Arbitrary<GenerateRequest> = fc
  .record({
    length: fc.integer({ min: 1, max: 30 }),
    temperature: fc.constantFrom(0, 0.6, 1, 3),
    topP: fc.constantFrom(0.5, 0.95, 1),
    topK: fc.constantFrom(0, 3, 100),
    repetitionPenalty: fc.constantFrom(1, 1.3),
    logitBias: fc.dictionary(fc.integer({ min: 0, max: TINY_VOCAB - 1 }).map(String), fc.integer({ min: -5, max: 5 })),
    seed: fc.nat(),
    topLogprobs: fc.constantFrom(undefined, 0, 4),
  })
  .map(({ length, topLogprobs, logitBias, ...params }) => ({
    ...greedy(prompt(length), 10),
    sampling: samplingParams(
      { ...params, logitBias: new Map(Object.entries(logitBias).map(([id, bias]) => [Number(id), bias])) },
      {},
    ),
    topLogprobs,
  }))

describe('the pipeline generates what one isolate generates', () => {
  it('token by token, however it samples', () =>
    fc.assert(
      fc.asyncProperty(sampled, async (request) => {
        const expected = []
        for await (const token of generate(tiny.whole, request)) expected.push(token)
        let at = 0
        for await (const { id, logprobs } of generate(model, request)) {
          const { id: expectedId, logprobs: expectedLogprobs } = expected[at++]
          expect(id).toBe(expectedId)
          if (request.topLogprobs !== undefined) {
            expect(logprobs?.logprob).toBeCloseTo(expectedLogprobs!.logprob, 5)
          }
          expect(logprobs?.top.map((top) => top.id)).toEqual(expectedLogprobs?.top.map((top) => top.id))
        }
        expect(at).toBe(expected.length)
      }),
      { seed: 1, numRuns: 60 },
    ))

  it('with the very same logits', async () => {
    const { signal } = new AbortController()
    const query = { adjustments: [], temperature: 1, rawTop: 20 }
    for (const length of [1, 5, 6, 31, TINY_CONTEXT]) {
      const [one, many] = [tiny.whole.createSequence(), model.createSequence()]
      await tiny.whole.forward(one, prompt(length), signal)
      await model.forward(many, prompt(length), signal)
      const [expected, merged] = [await tiny.whole.distribution(one, query), await model.distribution(many, query)]
      for (const count of [1, 64, 65, TINY_VOCAB]) expect(await merged.top(count)).toEqual(await expected.top(count))
      expect(merged.rawTop(20)).toEqual(expected.rawTop(20))
      expect(merged.logSumExp).toBeCloseTo(expected.logSumExp, 5)
      // Some slices have a few allowed tokens, and one has none.
      const allowed = Uint32Array.from({ length: Math.ceil(TINY_VOCAB / 32) }, (_, word) =>
        word === 1 ? 0 : 0x80000401 >>> word,
      )
      const masked = { ...query, allowed }
      const [only, onlyMerged] = [await tiny.whole.distribution(one, masked), await model.distribution(many, masked)]
      expect(await onlyMerged.top(4)).toEqual(await only.top(4))
      expect(onlyMerged.logSumExp).toBeCloseTo(only.logSumExp, 5)
      expect(onlyMerged.rawTop(20)).toEqual(expected.rawTop(20))
      for (const id of (await only.top(4)).ids) expect((allowed[id >>> 5] >>> (id & 31)) & 1).toBe(1)
      one.release()
      many.release()
    }
  })

  it('of a rotated model too, each slice of whose tied head turns what it reads', async () => {
    const rotated = await tinyPipeline({ rotated: true })
    try {
      expect(rotated.tensors).toContain('headInput')
      expect(rotated.tensors).not.toContain('head')
      const pipeline = await rotated.pipeline(rotated.stages())
      const request = greedy(prompt(17), 12)
      expect(await ids(pipeline, request)).toEqual(await ids(rotated.whole, request))
    } finally {
      await rotated.remove()
    }
  })

  it('in two sessions at once, each with its own', async () => {
    const requests = [greedy(prompt(17), 12), { ...greedy(prompt(9), 12), sampling: samplingParams({ seed: 3 }, {}) }]
    const expected = [await ids(tiny.whole, requests[0]), await ids(tiny.whole, requests[1])]
    expect(await Promise.all(requests.map((request) => ids(model, request)))).toEqual(expected)
    // Neither waited for the other: tokens of both alternate.
    const sessions = forwards(stages[0]).map(({ session }) => session)
    expect(sessions.filter((session, i) => i > 0 && session !== sessions[i - 1]).length).toBeGreaterThan(15)
  })

  it('in one session while another is in the midst of its prompt', async () => {
    const [short, long] = [greedy(prompt(3), 16), greedy(prompt(40), 1)]
    const expected = [await ids(tiny.whole, short), await ids(tiny.whole, long)]
    const decoding = generate(model, short)
    const first = (await decoding.next()).value
    expect(first).toMatchObject({ id: expected[0][0] })
    const before = stages[0].calls.length
    const rest: number[] = []
    const goOn = async () => {
      for await (const { id } of decoding) rest.push(id)
    }
    const [answer] = await Promise.all([ids(model, long), goOn()])
    expect([[expected[0][0], ...rest], answer]).toEqual(expected)
    // Calls of the prompt's eight chunks, and tokens of the other between its first and its last one.
    const [{ session }] = forwards(stages[0])
    const chunks = forwards(stages[0], before).flatMap((call, i) => (call.session === session ? [] : [i]))
    expect(chunks).toHaveLength(8)
    expect(chunks.at(-1)! - chunks[0]).toBeGreaterThan(chunks.length - 1)
  })
})

/** A fault at one of the calls that a generation makes. */
const fault = fc.record({
  stage: fc.integer({ min: 0, max: 5 }),
  call: fc.nat({ max: 20 }),
  kind: fc.constantFrom('restarted', 'down', 'broken before', 'broken after', 'reset'),
})

describe('a stage that fails in the midst of a generation', () => {
  it('changes nothing of what is generated', () =>
    fc.assert(
      fc.asyncProperty(sampled, fc.array(fault, { minLength: 1, maxLength: 3 }), async (request, faults) => {
        const expected = await ids(tiny.whole, request)
        const broken = tiny.stages()
        for (const { stage, call, kind } of faults) inject(broken[stage], call, kind)
        const pipeline = await tiny.pipeline(broken)
        expect(await ids(pipeline, request)).toEqual(expected)
        await settled()
        for (const stage of LAYERS) expect(broken[stage].sessions).toBe(0)
      }),
      { seed: 2, numRuns: 60 },
    ))

  function inject(stage: LocalStage, first: number, kind: string): void {
    const due = (times: number) => stage.calls.length > first && stage.calls.length <= first + times
    const [before, after] = [stage.before, stage.after]
    stage.before = async (call) => {
      await before(call)
      if (call.method === 'release') return
      if (kind === 'restarted' && due(1)) stage.restart()
      if (kind === 'down' && due(2)) {
        stage.restart()
        throw new TypeError('connection refused')
      }
      if (kind === 'broken before' && due(1)) throw new TypeError('connection reset')
    }
    stage.after = async (call) => {
      await after(call)
      if (call.method === 'release') return
      if (kind === 'broken after' && due(1)) throw new TypeError('connection reset')
      if (kind === 'reset' && due(1)) {
        stage.restart()
        throw new Error('Internal error in Durable Object storage caused object to be reset.')
      }
    }
  }

  it('is computed anew once, and only then', async () => {
    let calls = 0
    stages[1].before = () => {
      if (++calls === 6) stages[1].restart()
    }
    await ids(model, greedy(prompt(12), 8))
    expect(model.recoveries).toBe(1)
    expect(model.tokensComputed).toBeGreaterThan(19)
    expect(model.tokensComputed).toBeLessThan(19 + 19)
  })

  it('ends the generation with its own error where its weights are gone, and frees the caches of all others', async () => {
    const shard = await tiny.shardOf(1)
    const bytes = await readFile(shard)
    const tokens: number[] = []
    const run = async () => {
      for await (const { id } of generate(model, greedy(prompt(12), 20))) {
        tokens.push(id)
        if (tokens.length !== 5) continue
        expect(LAYERS.map((stage) => stages[stage].sessions)).toEqual([1, 1, 1])
        stages[1].restart()
        await writeFile(shard, bytes.with(100, bytes[100] ^ 1))
      }
    }
    try {
      await expect(run()).rejects.toMatchObject({ name: 'PipelineError', code: 'shard_corrupt' })
      await expect(run()).rejects.toThrow(/stage 1 \(layers 1 to 2\): .*sha256/)
    } finally {
      await writeFile(shard, bytes)
    }
    await settled()
    expect(tokens).toHaveLength(5)
    expect(LAYERS.map((stage) => stages[stage].sessions)).toEqual([0, 0, 0])
    // And it is mended as soon as they are there again.
    expect(await ids(model, greedy(prompt(12), 20))).toEqual(await ids(tiny.whole, greedy(prompt(12), 20)))
  })
})

describe('prefill', () => {
  it('has all stages work at once, each on one chunk after the other', async () => {
    const working = new Set<number>()
    let most = 0
    for (const index of LAYERS) {
      stages[index].before = async () => {
        expect(working.has(index)).toBe(false)
        working.add(index)
        most = Math.max(most, working.size)
        await settled()
      }
      stages[index].after = () => void working.delete(index)
    }
    await model.forward(model.createSequence(), prompt(30), new AbortController().signal)
    expect(most).toBe(3)
    const positions = (index: number) => forwards(stages[index]).map(({ position }) => position)
    for (const index of LAYERS) expect(positions(index)).toEqual([0, 5, 10, 15, 20, 25])
  })

  it('ends within a chunk when the signal aborts, and gives the caches back', async () => {
    const abort = new AbortController()
    stages[2].before = () => abort.abort()
    expect(await ids(model, { ...greedy(prompt(40), 4), signal: abort.signal })).toEqual([])
    await settled()
    expect(forwards(stages[2]).length).toBeLessThan(5)
    expect(LAYERS.map((stage) => stages[stage].sessions)).toEqual([0, 0, 0])
    expect(stages[3].calls).toEqual([{ method: 'load' }])
  })
})

it('answers again from a sequence that is cut back to its prompt, of which no stage computes anything anew', async () => {
  const request = (seed: number) => ({
    ...greedy(prompt(23), 8),
    sampling: samplingParams({ seed, temperature: 2 }, {}),
  })
  const sequence = model.createSequence()
  await ids(model, { ...request(1), sequence })
  for (const seed of [2, 3]) {
    sequence.truncate(22)
    const before = stages[0].calls.length
    expect(await ids(model, { ...request(seed), sequence })).toEqual(await ids(tiny.whole, request(seed)))
    expect(forwards(stages[0], before)).toHaveLength(8)
  }
  // A stage that has lost it has it computed anew.
  sequence.truncate(22)
  stages[1].restart()
  expect(await ids(model, { ...request(4), sequence })).toEqual(await ids(tiny.whole, request(4)))
  expect(model.recoveries).toBe(1)
  sequence.release()
})

describe('a chat that goes on', () => {
  const request = (ids: readonly number[], seed: number) => ({
    ...greedy(ids, 3),
    sampling: samplingParams({ seed, temperature: 2 }, {}),
  })
  const beginning = (ids: readonly number[]) => ({ ids, cacheSalt: '' })
  const answer = async (language: LanguageModel, chat: readonly number[], seed: number) => {
    const sequence = language.createSequence(beginning(chat))
    const held = sequence.length
    const tokens = await ids(language, { ...request(chat, seed), sequence })
    sequence.release()
    return { tokens, held }
  }

  it('computes its new tokens only, and answers as one that computes all', async () => {
    let chat = prompt(5)
    for (let turn = 0; turn < 8; turn++) {
      const before = stages[0].calls.length
      const { tokens, held } = await answer(model, chat, turn)
      expect(tokens).toEqual(await ids(tiny.whole, request(chat, turn)))
      // The last token of an answer is not run before something follows it.
      if (turn > 0) expect(held).toBe(chat.length - 3)
      const positions = forwards(stages[0], before).map(({ position }) => position)
      expect(positions).toEqual([held, chat.length, chat.length + 1])
      chat = [...chat, ...tokens, ...prompt(2)]
    }
    expect(model.reused.sequences).toBe(7)
  })

  it('is computed anew where a stage has lost it', async () => {
    const { tokens } = await answer(model, prompt(20), 1)
    stages[1].restart()
    const chat = [...prompt(20), ...tokens, 9]
    expect((await answer(model, chat, 2)).tokens).toEqual(await ids(tiny.whole, request(chat, 2)))
    expect(model.recoveries).toBe(1)
  })

  it('leaves its caches to a router that comes after this one', async () => {
    for (const first of [prompt(20), prompt(20).reverse()]) await answer(model, first, 1)
    await settled()
    const next = await tiny.pipeline(stages)
    const [chat, other] = [prompt(9), prompt(11).reverse()]
    const expected = [await ids(tiny.whole, request(chat, 3)), await ids(tiny.whole, request(other, 3))]
    expect([(await answer(next, chat, 3)).tokens, (await answer(next, other, 3)).tokens]).toEqual(expected)
    expect(next.recoveries).toBe(0)
  })
})

it('has no more sequences than its stages have caches', async () => {
  const held = [model.createSequence(), model.createSequence()]
  expect(() => model.createSequence()).toThrow('every KV cache is in use')
  held[0].release()
  held[0].release()
  model.createSequence()
  expect(() => model.createSequence()).toThrow('every KV cache is in use')
})

/** Calls of a stage's layers, from one of all calls on. */
function forwards(stage: LocalStage, from = 0): Call[] {
  return stage.calls.slice(from).filter(({ method }) => method === 'forward')
}

/** Calls that nobody waits for have come through. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
