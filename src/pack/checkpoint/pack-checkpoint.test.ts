/// <reference lib="esnext.float16" />
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { floatTensor, type StoredTensor, weightOf, zeroTensor } from '../../../test/support/safetensors.ts'
import { type CheckpointParts, tinyCheckpointTensors, writeCheckpoint } from '../../../test/support/tiny-checkpoint.ts'
import { unpackPlanes } from '../../../test/support/unpack-planes.ts'
import { folderStore } from '../../weights/folder-store.ts'
import { readSpan } from '../../weights/load-tensors.ts'
import { type PackOptions, packModel } from '../pack-model.ts'

const cores = vi.hoisted(() => ({ count: 2, started: 0 }))
vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  availableParallelism: () => cores.count,
}))
vi.mock('node:worker_threads', async (original) => {
  const { Worker, ...others } = await original<typeof import('node:worker_threads')>()
  return {
    ...others,
    Worker: class extends Worker {
      constructor(...args: ConstructorParameters<typeof Worker>) {
        super(...args)
        cores.started++
      }
    },
  }
})

let root: string
let folders = 0
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pack-checkpoint-'))
})
afterAll(() => rm(root, { recursive: true }))

const options: PackOptions = {
  name: 'tiny',
  planes: { embedding: 4, attention: 4, ffn: 4, head: 4 },
  groupSize: 32,
  sourceName: 'owner/tiny',
}

async function pack(parts: CheckpointParts = {}, threads = 1) {
  const folder = join(root, String(folders++))
  await writeCheckpoint(join(folder, 'checkpoint'), parts)
  cores.count = threads
  cores.started = 0
  const progress: number[] = []
  const out = join(folder, 'pack')
  const manifest = await packModel(join(folder, 'checkpoint'), out, {
    ...options,
    progress: (done, total) => progress.push(done / total),
  })
  return { out, manifest, progress, threads: cores.started }
}

/** All files of a pack. */
async function contents(out: string): Promise<Record<string, string>> {
  const files = (await readdir(out)).toSorted()
  const bytes = await Promise.all(files.map((file) => readFile(join(out, file), 'base64')))
  return Object.fromEntries(files.map((file, i) => [file, bytes[i]]))
}

describe('packModel of a checkpoint', () => {
  it('gives the same bytes with one thread and with several, from one file and from many', async () => {
    const one = await pack()
    const several = await pack({ tensorsPerShard: 4 }, 3)
    expect([one.threads, several.threads]).toEqual([0, 3])
    expect(await contents(several.out)).toEqual(await contents(one.out))
    for (const { progress } of [one, several]) {
      expect(progress.at(-1)).toBe(1)
      expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    }
  })

  it('keeps the order of rows, and loses nothing of weights on the grid', async () => {
    const { out, manifest } = await pack()
    const up = manifest.tensors.find(({ name }) => name === 'layers.1.up')!
    if (up.kind !== 'planes') throw new TypeError('a matrix is stored as planes')
    const bytes = await readSpan(folderStore(out), up.spans[0])
    const { q, scales, mins } = unpackPlanes(bytes, { ...up, rows: 96, cols: 64, hasMin: true })
    const [scale, min] = [new Float16Array(scales.buffer), new Float16Array(mins!.buffer)]
    const group = (i: number) => Math.floor(i / 32)
    const weights = Array.from(q, (level, i) => scale[group(i)] * level + min[group(i)])
    const stored = tinyCheckpointTensors()['model.layers.1.mlp.up_proj.weight']
    expect(weights).toEqual(weights.map((_, i) => weightOf(stored, i)))
  })

  it('makes the same of the same weights in every float type', async () => {
    const as = (dtype: 'F16' | 'F32') =>
      Object.fromEntries(
        Object.entries(tinyCheckpointTensors()).map(([name, tensor]): [string, StoredTensor] => [
          name,
          floatTensor(dtype, tensor.shape, (i) => weightOf(tensor, i)),
        ]),
      )
    const expected = await contents((await pack()).out)
    for (const dtype of ['F16', 'F32'] as const) {
      expect(await contents((await pack({ tensors: as(dtype) })).out)).toEqual(expected)
    }
  })

  it.each([1, 2])('names the tensor that is damaged and leaves no manifest, with %i threads', async (threads) => {
    const name = 'model.layers.1.mlp.down_proj.weight'
    const tensors = tinyCheckpointTensors()
    tensors[name] = floatTensor('F32', [64, 96], (i) => (i === 64 * 96 - 1 ? Number.POSITIVE_INFINITY : 0))
    await expect(pack({ tensors }, threads)).rejects.toMatchObject({
      name: 'PackError',
      code: 'weights_not_finite',
      message: expect.stringContaining(name),
    })
    expect(await readdir(join(root, String(folders - 1), 'pack'))).not.toContain('manifest.json')
  })

  it('refuses a tokenizer of more ids than the embedding has rows', async () => {
    const tensors = tinyCheckpointTensors()
    for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) tensors[name] = zeroTensor('BF16', [256, 64])
    await expect(pack({ tensors, config: { vocab_size: 256 } })).rejects.toMatchObject({
      code: 'metadata_invalid',
      message: expect.stringMatching(/tokenizer has \d+ ids where the model has 256/),
    })
  })

  it('refuses columns that are no whole groups', async () => {
    const parts = join(root, 'groups')
    await writeCheckpoint(parts)
    await expect(packModel(parts, join(root, 'out'), { ...options, groupSize: 128 })).rejects.toMatchObject({
      code: 'option_invalid',
      message: expect.stringMatching(/64 columns, not whole groups of 128/),
    })
  })
})
