import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { kernelModules } from '../../test/support/embedded-model.ts'
import { floatTensor } from '../../test/support/safetensors.ts'
import { tinyCheckpointTensors, writeCheckpoint } from '../../test/support/tiny-checkpoint.ts'
import { packModel } from '../pack/pack-model.ts'
import { folderStore } from '../weights/folder-store.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import { loadModel } from './load.ts'

const folders: string[] = []
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

const TOKENS = [1, 250, 17, 99, 180, 42, 7, 300, 61, 128]

/** Logits after each token of a tiny Qwen2 whose key biases are of this size in the slowest pair of each head, and 0 elsewhere. */
async function logits(ropeLayout: ModelConfig['ropeLayout'], keyBias: number): Promise<Float32Array[]> {
  const root = await mkdtemp(join(tmpdir(), 'stage-'))
  folders.push(root)
  const tensors = tinyCheckpointTensors()
  for (const layer of [0, 1]) {
    for (const [part, size] of [
      ['q', 128],
      ['k', 64],
      ['v', 64],
    ] as const) {
      const isSlowest = (i: number) => (ropeLayout === 'half' ? i % 16 === 15 : i % 32 >= 30)
      const at = (i: number) => (part === 'k' && isSlowest(i) ? keyBias : 0)
      tensors[`model.layers.${layer}.self_attn.${part}_proj.bias`] = floatTensor('BF16', [size], at)
    }
  }
  const config = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', attention_bias: undefined }
  await writeCheckpoint(join(root, 'model'), { config, tensors })
  const packed = await packModel(join(root, 'model'), join(root, 'pack'), {
    name: 'tiny',
    planes: {},
    groupSize: 32,
  })
  const manifest = { ...packed, config: { ...packed.config, ropeLayout } }
  const options = { contextLength: 16, sequences: 1 }
  const model = await loadModel(folderStore(join(root, 'pack')), manifest, await kernelModules(), options)
  const sequence = model.createSequence()
  const rows: Float32Array[] = []
  for (const token of TOKENS) {
    await model.forward(sequence, [token], new AbortController().signal)
    const { rawLogit } = await model.distribution(sequence, { adjustments: [], temperature: 1 })
    rows.push(Float32Array.from({ length: model.vocabSize }, (_, id) => rawLogit(id)))
  }
  return rows
}

it.each(['half', 'interleaved'] as const)(
  'rounds keys without what their bias adds to all of them, which no softmax sees, %s',
  async (layout) => {
    const [plain, biased] = [await logits(layout, 0), await logits(layout, 256)]
    const rms = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
    const differences = plain.flatMap((row, token) => [...row].map((logit, id) => logit - biased[token][id]))
    expect(rms(differences)).toBeLessThan(0.01 * rms(plain.flatMap((row) => [...row])))
  },
)
