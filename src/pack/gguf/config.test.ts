import { describe, expect, test } from 'vitest'
import { PackError } from '../pack-error.ts'
import { ggufSampling } from './config.ts'

const sampling = (settings: Record<string, unknown>) =>
  ggufSampling(
    Object.fromEntries(Object.entries(settings).map(([name, value]) => [`general.sampling.${name}`, value])) as never,
  )

describe('sampling settings of a GGUF', () => {
  test.each<[string, Record<string, unknown>, object]>([
    [
      'as llama.cpp writes them',
      { temp: Math.fround(0.6), top_p: Math.fround(0.95), top_k: 20 },
      { temperature: 0.6, topP: 0.95, topK: 20 },
    ],
    ['of which one is given', { temp: 1 }, { temperature: 1 }],
    ['that are switched off', { temp: -1, top_k: -1 }, { temperature: 0, topK: 0 }],
    ['that are none of ours', { mirostat: 2, penalty_last_n: 64 }, {}],
    ['that are not there', {}, {}],
  ])('%s', (_, settings, expected) => {
    expect(sampling(settings)).toEqual(expected)
  })

  test.each([{ temp: 'hot' }, { top_p: 1.5 }, { top_p: Number.NaN }, { temp: Number.NaN }, { temp: Infinity }])(
    '%j are refused',
    (settings) => {
      expect(() => sampling(settings)).toThrow(PackError)
    },
  )
})
