import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ggufType, ggufTypeName, ggufTypeNames } from './types.ts'

type Fixture = Record<string, { blocks: string; weights: string }>
const fixture: Fixture = JSON.parse(readFileSync('test/fixtures/gguf-dequant.json', 'utf8'))

describe('GGUF tensor types', () => {
  it('all have a fixture', () => {
    expect(ggufTypeNames.toSorted()).toEqual(Object.keys(fixture).toSorted())
  })

  for (const [name, { blocks, weights: expected }] of Object.entries(fixture)) {
    it(`${name} dequantizes to the bits of gguf-py`, () => {
      const raw = new Uint8Array(Buffer.from(blocks, 'hex'))
      const weights = new Float32Array(expected.length / 8)
      ggufType(name)!.dequantize(raw, weights)
      expect(weights).toEqual(new Float32Array(new Uint8Array(Buffer.from(expected, 'hex')).buffer))
    })
  }

  it('have the names of ggml', () => {
    expect(ggufTypeName(3)).toBe('Q4_1')
    expect(ggufTypeName(14)).toBe('Q6_K')
    expect(ggufTypeName(999)).toBe('type 999')
    expect(ggufType('IQ2_XS')).toBeUndefined()
  })
})
