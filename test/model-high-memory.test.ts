import { expect, test, vi } from 'vitest'
import { greedy } from '../bench/edge/model-workload.ts'
import { generate } from '../src/generate/generate.ts'
import type { GeneratedToken } from '../src/generate/types.ts'
import { loadEmbeddedModel } from './support/embedded-model.ts'

/** Bytes in front of the model, and of the memory that it then has. */
const low = vi.hoisted(() => ({ bytes: 0, memoryBytes: 0 }))

vi.mock('../src/model/arena.ts', async (original) => {
  const module = await original<typeof import('../src/model/arena.ts')>()
  return {
    ...module,
    Arena: class extends module.Arena {
      constructor(bytes: number) {
        super(module.align(low.bytes) + bytes)
        this.allocate(low.bytes)
        low.memoryBytes = this.memory.buffer.byteLength
      }
    },
  }
})

async function answer(bytesInFront: number): Promise<GeneratedToken[]> {
  low.bytes = bytesInFront
  const { language } = await loadEmbeddedModel()
  const prompt = Array.from({ length: 50 }, (_, i) => 900 * i + 7)
  const tokens: GeneratedToken[] = []
  for await (const token of generate(language, { ...greedy(prompt, 8), topLogprobs: 20 })) tokens.push(token)
  return tokens
}

// A pointer is a negative i32 from 2 GiB on: the model that a 4 GiB isolate is for lies there.
test('a model across the 2 GiB mark of its memory, and one behind it, give the very same logits', async () => {
  const expected = await answer(0)
  expect(expected).toHaveLength(8)
  expect(await answer(2 ** 31 - 2 ** 26)).toEqual(expected)
  expect(await answer(3 * 2 ** 30)).toEqual(expected)
  expect(low.memoryBytes).toBeGreaterThan(3 * 2 ** 30)
})
