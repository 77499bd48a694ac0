import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadModel } from '../src/model/load.ts'
import { type PackOptions, packModel } from '../src/pack/pack-model.ts'
import { readTexts } from '../src/quantize/calibration-text.ts'
import { folderStore } from '../src/weights/folder-store.ts'
import { kernelModules } from './support/embedded-model.ts'

const neverAborted = new AbortController().signal

const rotate = async () => ({ rotate: true })
/** Scales in steps, in all matrices. */
const calibrate = async () => ({ calibrate: { texts: (await readTexts('default')).slice(0, 4) } })

describe.each(['tiny-llama/tied', 'tiny-qwen2/qwen2-untied'])('%s', (path) => {
  test.each<[string, () => Promise<Partial<PackOptions>>]>([
    ['rotate', rotate],
    ['calibrate', calibrate],
  ])(
    'packed with --%s has the logits of transformers but for the rounding of 8 planes and of activations',
    async (_, how) => {
      const fixture = new URL(`fixtures/${path}`, import.meta.url).pathname
      const { tokens } = JSON.parse(await readFile(`${fixture}.json`, 'utf8')) as { tokens: number[] }
      const expected = new Float32Array(new Uint8Array(await readFile(`${fixture}.logits.bin`)).buffer)
      const root = await mkdtemp(join(tmpdir(), 'rotated-'))
      try {
        const planes = { embedding: 8, attention: 8, ffn: 8, head: 8 }
        const manifest = await packModel(fixture, root, { name: 'rotated', planes, groupSize: 32, ...(await how()) })
        expect(manifest.config).toMatchObject({
          tiedEmbedding: path.endsWith('/tied'),
          downHadamard: expect.any(Number),
        })
        const model = await loadModel(folderStore(root), manifest, await kernelModules(), {
          contextLength: 128,
          sequences: 1,
        })
        const sequence = model.createSequence()
        const { vocabSize } = model
        let [error, size] = [0, 0]
        for (const [position, token] of tokens.entries()) {
          await model.forward(sequence, [token], neverAborted)
          const distribution = await model.distribution(sequence, { adjustments: [], temperature: 1 })
          for (let id = 0; id < vocabSize; id++) {
            const logit = expected[position * vocabSize + id]
            error += (distribution.rawLogit(id) - logit) ** 2
            size += logit ** 2
          }
        }
        // A rotation that the kernels do not undo gives unrelated logits, an error of about 1.4.
        expect(Math.sqrt(error / size)).toBeLessThan(0.05)
      } finally {
        await rm(root, { recursive: true })
      }
    },
  )
})
