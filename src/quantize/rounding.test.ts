import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { packModel } from '../pack/pack-model.ts'
import { readTexts } from './calibration-text.ts'

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

it.each([
  ['tiny-qwen2/qwen2-untied', 'head'],
  ['tiny-llama/tied', 'embedding'],
])('matrices of %s but down move for the errors of their inputs', async (path, head) => {
  const root = await mkdtemp(join(tmpdir(), 'rounding-'))
  calls.length = 0
  const texts = (await readTexts('default')).slice(0, 4)
  const model = new URL(`../../test/fixtures/${path}`, import.meta.url).pathname
  const { config, tensors } = await packModel(model, root, {
    name: 'tiny',
    planes: {},
    groupSize: 32,
    calibrate: { texts },
  })
  await rm(root, { recursive: true })
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
