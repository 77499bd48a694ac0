import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
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
})
