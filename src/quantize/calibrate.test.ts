import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PackOptions, packModel } from '../pack/pack-model.ts'
import { planTensor } from '../pack/plan-tensor.ts'
import { readSource } from '../pack/read-source.ts'
import { plannedRotation, rotatedSource } from '../pack/rotated-source.ts'
import { TensorReader } from '../pack/tensor-reader.ts'
import { buildTokenizerTables } from '../pack/tokenizer/tables.ts'
import { centredZeroPoint, tensorBytes } from '../weights/plane-layout.ts'
import { calibrate } from './calibrate.ts'
import { CalibrationFolder } from './calibration-folder.ts'
import { readTexts, tokenSequences } from './calibration-text.ts'
import { PlannedWeights } from './planned-weights.ts'
import { inBands } from './vocabulary-bands.ts'

const model = new URL('../../test/fixtures/tiny-qwen2/qwen2-untied', import.meta.url).pathname

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'calibrate-'))
})
afterAll(() => rm(root, { recursive: true }))

async function options(progress?: (done: number, total: number) => void): Promise<PackOptions> {
  const texts = (await readTexts('default')).slice(0, 4)
  return {
    name: 'tiny',
    planes: { embedding: 4, attention: 3, ffn: 2, head: 4 },
    groupSize: 32,
    calibrate: { texts, progress },
  }
}

async function filesOf(folder: string): Promise<Record<string, Buffer>> {
  const names = await readdir(folder)
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))])))
}

describe('a calibrated pack', () => {
  it('is the same every time, also where it was interrupted, and leaves nothing else', async () => {
    const [whole, again] = [join(root, 'whole'), join(root, 'again')]
    const steps: string[] = []
    const manifest = await packModel(model, whole, await options((done, total) => steps.push(`${done}/${total}`)))
    expect(steps).toEqual(['0/3', '1/3', '2/3', '3/3'])
    expect(manifest.config).toMatchObject({ downHadamard: 256, tiedEmbedding: false })
    expect(manifest.tensors.find(({ name }) => name === 'layers.0.down')).toMatchObject({
      ...{ planes: 2, zeroPoint: -1.5, scales: 'steps' },
    })
    const interrupted = await options((done) => {
      if (done === 1) throw new Error('killed')
    })
    await expect(packModel(model, again, interrupted)).rejects.toThrow('killed')
    const resumed: string[] = []
    await packModel(model, again, await options((done, total) => resumed.push(`${done}/${total}`)))
    expect(resumed).toEqual(['1/3', '2/3', '3/3'])
    expect(await filesOf(again)).toEqual(await filesOf(whole))
  })

  it('does not go on with what other options have left', async () => {
    const folder = join(root, 'other')
    const interrupted = await options((done) => {
      if (done === 1) throw new Error('killed')
    })
    await expect(packModel(model, folder, interrupted)).rejects.toThrow('killed')
    const steps: number[] = []
    const others = await options((done) => steps.push(done))
    await packModel(model, folder, { ...others, planes: { ...others.planes, attention: 4 } })
    expect(steps).toEqual([0, 1, 2, 3])
  })

  it('has the planes that pay within a budget of bits, the same every time, also where it was interrupted', async () => {
    const whole = join(root, 'budget')
    const { calibrate, ...rest } = await options()
    const withBudget = (progress?: (done: number, total: number) => void): PackOptions => {
      return { ...rest, planes: {}, calibrate: { ...calibrate!, bits: 3.4, progress } }
    }
    const manifest = await packModel(model, whole, withBudget())
    const bytes = manifest.tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
    const weights = manifest.tensors.reduce((sum, { shape }) => sum + shape.reduce((a: number, b) => a * b, 1), 0)
    expect((bytes * 8) / weights).toBeLessThanOrEqual(3.4)
    expect((bytes * 8) / weights).toBeGreaterThan(3.3)
    const planes = manifest.tensors.flatMap((tensor) => (tensor.kind === 'planes' ? [tensor.planes] : []))
    expect(new Set(planes).size).toBeGreaterThan(2)
    // Four steps measure losses, three round.
    for (const killedAt of [1, 2, 3, 5]) {
      const again = join(root, `budget-${killedAt}`)
      const interrupted = withBudget((done) => {
        if (done === killedAt) throw new Error('killed')
      })
      await expect(packModel(model, again, interrupted)).rejects.toThrow('killed')
      const steps: number[] = []
      await packModel(
        model,
        again,
        withBudget((done) => steps.push(done)),
      )
      expect(steps[0]).toBe(killedAt)
      expect(steps.at(-1)).toBe(7)
      expect(await filesOf(again)).toEqual(await filesOf(whole))
    }
  })

  it('has the same rows where its vocabulary is in bands', async () => {
    const source = rotatedSource(await readSource(model))
    const sequences = tokenSequences(
      (await readTexts('default')).slice(0, 4),
      buildTokenizerTables(source.tokenizer),
      source,
    )
    const bytesOf = async (name: string, bandRows: number) => {
      const planned = [...source.tensors].map(([name, tensor]) => {
        const plan = planTensor(name, tensor, { planes: {}, groupSize: 32 }, plannedRotation(name, source))
        if (plan.entry.kind === 'f32') return plan
        const levels = { planes: 3, zeroPoint: centredZeroPoint(3), scales: 'steps' } as const
        return { ...plan, entry: { ...plan.entry, ...levels } }
      })
      const byName = new Map(inBands(planned, bandRows).map((tensor) => [tensor.entry.name, tensor]))
      const reader = new TensorReader()
      try {
        const weights = new PlannedWeights(byName, reader)
        const folder = await CalibrationFolder.open(join(root, name), name)
        await calibrate({ config: source.config, sequences, weights, folder })
        return await Promise.all(
          (['embedding', 'head'] as const).map(async (matrix) => {
            const bands = weights.bands(matrix).map(({ entry }) => folder.read(entry.name))
            return { bands: bands.length, bytes: Buffer.concat(await Promise.all(bands)) }
          }),
        )
      } finally {
        await reader.close()
      }
    }
    const [whole, parts] = [await bytesOf('whole-rows', source.config.vocabSize), await bytesOf('banded-rows', 96)]
    expect(whole.map(({ bands }) => bands)).toEqual([1, 1])
    expect(parts.every(({ bands }) => bands > 2)).toBe(true)
    expect(parts.map(({ bytes }) => bytes)).toEqual(whole.map(({ bytes }) => bytes))
  })

  it('says what a budget must be at least', async () => {
    const { calibrate, ...rest } = await options()
    const packing = packModel(model, join(root, 'small'), { ...rest, calibrate: { ...calibrate!, bits: 1.5 } })
    await expect(packing).rejects.toThrow(/--bits: this model takes 2\.\d+ bits a weight at least/)
  })
})
