import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { greedy } from '../bench/edge/model-workload.ts'
import { samplingParams } from '../src/chat/sampling.ts'
import { generate } from '../src/generate/generate.ts'
import type { LanguageModel } from '../src/generate/language-model.ts'
import type { GeneratedToken, GenerateRequest } from '../src/generate/types.ts'
import type { EdgeModel } from '../src/model/edge-model.ts'
import { loadModel } from '../src/model/load.ts'
import { folderStore } from '../src/weights/folder-store.ts'
import { kernelModules } from './support/embedded-model.ts'
import { tinyPack } from './support/tiny-pack.ts'

const VOCAB = 259
const CONTEXT = 128

describe.each(['relaxed', 'plain'] as const)('sequences that are computed together, %s', (build) => {
  let pack: Awaited<ReturnType<typeof tinyPack>>
  let alone: EdgeModel
  let crowd: EdgeModel
  beforeAll(async () => {
    pack = await tinyPack(3)
    const modules = await kernelModules()
    const load = (sequences: number) =>
      loadModel(folderStore(pack.folder), pack.manifest, modules, { contextLength: CONTEXT, sequences, build })
    ;[alone, crowd] = [await load(1), await load(11)]
  })
  afterAll(() => pack?.remove())

  async function answer(model: LanguageModel, request: GenerateRequest): Promise<GeneratedToken[]> {
    const tokens: GeneratedToken[] = []
    for await (const token of generate(model, request)) tokens.push(token)
    return tokens
  }

  const request = fc
    .record({
      prompt: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 80 }),
      tokens: fc.integer({ min: 1, max: 12 }),
      temperature: fc.constantFrom(0, 1, 3),
      repetitionPenalty: fc.constantFrom(1, 1.3),
      seed: fc.nat(),
      topLogprobs: fc.constantFrom(undefined, 3),
      /** Loop turns before it comes. */
      after: fc.nat(30),
      leavesAfter: fc.option(fc.nat(6)),
    })
    .map(({ prompt, tokens, topLogprobs, after, leavesAfter, ...params }) => ({
      after,
      leavesAfter,
      request: { ...greedy(prompt, tokens), sampling: samplingParams(params, {}), topLogprobs },
    }))

  it('are each what they are alone, to the last bit of their logprobs, whoever comes and leaves', () =>
    fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 11 }), async (visits) => {
        const expected = []
        for (const { request } of visits) expected.push(await answer(alone, request))
        const together = visits.map(async ({ request, after, leavesAfter }) => {
          for (let i = 0; i < after; i++) await new Promise((resolve) => setImmediate(resolve))
          const abort = new AbortController()
          const tokens: GeneratedToken[] = []
          for await (const token of generate(crowd, { ...request, signal: abort.signal })) {
            tokens.push(token)
            if (tokens.length === leavesAfter) abort.abort()
          }
          return tokens
        })
        for (const [i, tokens] of (await Promise.all(together)).entries()) {
          expect(tokens).toEqual(expected[i].slice(0, visits[i].leavesAfter || undefined))
        }
      }),
      { seed: 1, numRuns: 40 },
    ))

  it('take fewer steps than all of them alone', async () => {
    const before = crowd.steps
    await Promise.all(Array.from({ length: 8 }, (_, i) => answer(crowd, greedy([i, 2, 3], 20))))
    expect(crowd.steps - before).toBeLessThan(30)
  })
})
