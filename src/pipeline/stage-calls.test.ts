import { expect, it, vi } from 'vitest'
import { WeightsError } from '../weights/weights-error.ts'
import { LayersStage } from './layers-stage.ts'
import { PipelineError } from './pipeline-error.ts'
import { StageCalls } from './stage-calls.ts'

const query = { adjustments: [], temperature: 1, top: 1 }
const layers = Object.create(LayersStage.prototype) as LayersStage

/** A stage that fails to load. */
const failing = (error: unknown) => new StageCalls({ load: () => Promise.reject(error), loaded: () => undefined })

it('answers the errors of the stage with their codes', async () => {
  const lost = await failing(new PipelineError('session_lost', 'nothing held')).forward(
    'a',
    3,
    new Float32Array(4),
    'all',
  )
  expect(lost).toEqual({ failure: { code: 'session_lost', message: 'nothing held' } })
  const corrupt = await failing(new WeightsError('shard_corrupt', 'x.bin')).load()
  expect(corrupt).toEqual({ failure: { code: 'shard_corrupt', message: expect.stringContaining('x.bin') } })
})

it('names what nobody expected, and logs it', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  const error = new TypeError('no tensors')
  expect(await failing(error).distribution(new Float32Array(4), query)).toEqual({
    failure: { code: 'stage_failed', message: 'TypeError: no tensors' },
  })
  expect(log).toHaveBeenCalledWith(error)
  log.mockRestore()
})

it('refuses what the other kind of stage computes', async () => {
  const stage = new StageCalls({ load: async () => layers, loaded: () => layers })
  expect(await stage.distribution(new Float32Array(4), query)).toMatchObject({ failure: { code: 'plan_mismatch' } })
})

it('does not load the weights to give back a cache that it cannot have', async () => {
  expect(await failing(new Error('not to be called')).release('a')).toEqual({ value: undefined })
})
