import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { withBands } from '../../test/support/banded-shape.ts'
import { modelShape, nanbeigeConfig } from '../../test/support/model-shape.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { describeRouter } from './describe-plan.ts'

const FILE = new URL('../../weights/smollm2-135m-instruct/manifest.json', import.meta.url)
const { tensors, tokenizer } = parseManifest(JSON.parse(readFileSync(FILE, 'utf8')), 'manifest.json')

describe('what the router takes', () => {
  it('has XGrammar in it', () => {
    expect(describeRouter({ tensors, tokenizer })).toMatch(/XGrammar 17\.0, once an answer is held to a form$/)
  })

  it('warns where an isolate would pass its memory with it', () => {
    const large = { ...tokenizer, bytes: 80 * 2 ** 20 }
    expect(describeRouter({ tensors, tokenizer: large })).toMatch(/warning: with a grammar .* pass the 128 MB/)
  })

  it('counts all bands of the embedding', () => {
    const bands = [
      { rows: 64, planes: 8, groupSize: 128 as const },
      { rows: 166_080, planes: 2, groupSize: 128 as const },
    ]
    const model = withBands(
      modelShape(nanbeigeConfig, () => 2),
      { embedding: bands, head: bands },
    )
    // (2 * 20 * (8 * 512 + 64) + 5190 * 20 * (2 * 512 + 64)) / 2^20
    expect(describeRouter({ ...model, tokenizer })).toContain('embedding pages 12.0 of 107.9,')
  })
})
