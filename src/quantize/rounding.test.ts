import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { packModel } from '../pack/pack-model.ts'
import { type CalibrationTexts, readTexts } from './calibration-text.ts'

/** Whether the inputs of matrices had errors, and how many matrices moved for them, in the order of calls. */
const calls: { haveErrors: boolean; moved: number }[] = []
vi.mock('./error-propagation.ts', async (original) => {
  const real = await original<typeof import('./error-propagation.ts')>()
  const crossMoments: typeof real.crossMoments = async (pool, c, pair) => {
    await real.crossMoments(pool, c, pair)
    calls.push({ haveErrors: pool.floats(pair.exact, pair.count * pair.size).some((error) => error !== 0), moved: 0 })
  }
  const propagateErrors: typeof real.propagateErrors = async (...args) => {
    await real.propagateErrors(...args)
    calls.at(-1)!.moved++
  }
  return { ...real, crossMoments, propagateErrors }
})

const texts = await readTexts('default')

/** Tensors of a calibrated pack. */
async function calibrated(path: string, some: CalibrationTexts) {
  const root = await mkdtemp(join(tmpdir(), 'rounding-'))
  calls.length = 0
  const model = new URL(`../../test/fixtures/${path}`, import.meta.url).pathname
  const options = { name: 'tiny', planes: {}, groupSize: 32 as const, calibrate: { texts: some } }
  try {
    return await packModel(model, root, options)
  } finally {
    await rm(root, { recursive: true })
  }
}

it.each([
  ['tiny-qwen2/qwen2-untied', 'head'],
  ['tiny-llama/tied', 'embedding'],
])('matrices of %s but down move for the errors of their inputs', async (path, head) => {
  const { config, tensors } = await calibrated(path, texts.slice(0, 4))
  const layer = [
    { haveErrors: true, moved: 3 },
    { haveErrors: true, moved: 1 },
    { haveErrors: true, moved: 2 },
  ]
  const layers = Array.from({ length: config.layerCount }, () => layer).flat()
  expect(calls).toEqual([
    // The layers begin with an embedding that is rounded already, or exact until the end where it is the head.
    { ...layers[0], haveErrors: false },
    ...layers.slice(1),
    { haveErrors: true, moved: tensors.filter(({ name }) => name === head).length },
  ])
})

it('matrices stay as they are where a text has fewer tokens than they have columns', async () => {
  await calibrated('tiny-llama/tied', [
    {
      text: 'A sentence of some twenty words, which is more than the least that a calibration takes, and less than columns.',
    },
  ])
  expect(calls).toEqual([])
})
