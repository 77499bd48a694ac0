import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { greedy } from '../../bench/edge/model-workload.ts'
import { samplingParams } from '../../src/chat/sampling.ts'
import { generate } from '../../src/generate/generate.ts'
import type { LanguageModel } from '../../src/generate/language-model.ts'
import type { Band } from '../support/banded-shape.ts'
import { TINY_CONTEXT, TINY_VOCAB, type TinyPipeline, tinyPipeline } from './tiny-pipeline.ts'

// The slices of the pipeline are cut at rows 32 and 224: inside the first band and the third, with the second one whole in the middle slice.
const ROWS = [64, 96, 99]
const alike = (rows: readonly number[]) => rows.map((rows): Band => ({ rows, planes: 4, groupSize: 32 }))
const different: readonly Band[] = [
  { rows: 64, planes: 8, groupSize: 32 },
  { rows: 96, planes: 3, groupSize: 128, scales: 'steps' },
  { rows: 99, planes: 2, groupSize: 64 },
]

const prompt = (length: number) => Array.from({ length }, (_, i) => (i * 37 + 11) % TINY_VOCAB)

/** All that two models say after some prompts. */
async function expectSame(one: LanguageModel, other: LanguageModel): Promise<void> {
  const { signal } = new AbortController()
  const query = { adjustments: [{ id: 70, scale: 1.3, add: 1 }], temperature: 0.7, rawTop: 20, rawId: 200 }
  for (const length of [1, 6, TINY_CONTEXT]) {
    const [expected, given] = await Promise.all(
      [one, other].map(async (model) => {
        const sequence = model.createSequence()
        await model.forward(sequence, prompt(length), signal)
        const distribution = await model.distribution(sequence, query)
        sequence.release()
        return distribution
      }),
    )
    expect(await given.top(TINY_VOCAB)).toEqual(await expected.top(TINY_VOCAB))
    expect(given.rawTop(20)).toEqual(expected.rawTop(20))
    expect(given.rawLogit(200)).toBe(expected.rawLogit(200))
    expect(given.logSumExp).toBeCloseTo(expected.logSumExp, 5)
  }
}

async function ids(model: LanguageModel, seed: number): Promise<number[]> {
  const tokens: number[] = []
  const request = { ...greedy(prompt(9), 30), sampling: samplingParams({ seed, temperature: 2 }, {}) }
  for await (const { id } of generate(model, request)) tokens.push(id)
  return tokens
}

describe.for([
  ['apart', {}],
  ['tied', { tied: true }],
  ['rotated and tied', { rotated: true }],
] as const)('embedding and head %s, in bands', ([, model]) => {
  const made: TinyPipeline[] = []
  const make = async (bands: readonly Band[]) => {
    const tiny = await tinyPipeline({ ...model, bands })
    made.push(tiny)
    return tiny
  }
  const pipelineOf = (tiny: TinyPipeline) => tiny.pipeline(tiny.stages())
  let mixed: TinyPipeline
  beforeAll(async () => {
    mixed = await make(different)
  })
  afterAll(() => Promise.all(made.map(({ remove }) => remove())))

  it('of equal formats are the whole matrix, bit for bit', async () => {
    const [whole, banded] = [await make(alike([TINY_VOCAB])), await make(alike(ROWS))]
    expect(whole.tensors).not.toContain('embedding.1')
    expect(banded.tensors).toContain('embedding.2')
    await expectSame(whole.whole, banded.whole)
    await expectSame(whole.whole, await pipelineOf(banded))
  })

  it('of different formats give in a pipeline the very logits of one isolate', async () => {
    await expectSame(mixed.whole, await pipelineOf(mixed))
  })

  it('and its tokens, all over the vocabulary', async () => {
    const pipeline = await pipelineOf(mixed)
    const tokens: number[] = []
    for (let seed = 1; seed <= 5; seed++) {
      tokens.push(...(await ids(mixed.whole, seed)))
      expect(await ids(pipeline, seed)).toEqual(tokens.slice(-30))
    }
    for (const [from, to] of [
      [0, 64],
      [64, 160],
      [160, 259],
    ]) {
      expect(tokens.filter((id) => id >= from && id < to).length).toBeGreaterThan(10)
    }
  })

  it('give several sequences at once what each is given alone', async () => {
    const model = mixed.whole
    const query = { adjustments: [], temperature: 1 }
    const lengths = [3, 17, TINY_CONTEXT]
    const forward = async (length: number) => {
      const sequence = model.createSequence()
      await model.forward(sequence, prompt(length), new AbortController().signal)
      return sequence
    }
    const ask = async (sequence: Awaited<ReturnType<typeof forward>>) => {
      const top = await (await model.distribution(sequence, query)).top(TINY_VOCAB)
      sequence.release()
      return top
    }
    const alone = []
    for (const length of lengths) alone.push(await ask(await forward(length)))
    const together = await Promise.all(lengths.map(forward))
    for (const [i, sequence] of together.entries()) expect(await ask(sequence)).toEqual(alone[i])
  })

  it('are refused by a plan whose slices are not those that they were divided for', async () => {
    const { plan } = mixed
    const stages = plan.stages.map((stage) =>
      stage.kind === 'head' && stage.rows === 192 ? { ...stage, rows: 160 } : stage,
    )
    await expect(mixed.pipeline(mixed.stages({ ...plan, stages }))).rejects.toMatchObject({
      code: 'plan_mismatch',
      message: expect.stringMatching(/tensor (embedding|head)\.2 is not divided at/),
    })
  })
})
