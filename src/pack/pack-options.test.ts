import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseFolder, parseGroup, parseName, parsePlanes } from './pack-options.ts'

describe('pack options', () => {
  it('take planes for all classes or for some', () => {
    expect(parsePlanes('4')).toEqual({ embedding: 4, attention: 4, ffn: 4, head: 4 })
    expect(parsePlanes('embedding=8,ffn=3')).toEqual({ embedding: 8, ffn: 3 })
    expect(parseGroup('128')).toBe(128)
  })

  it('are refused with their name', () => {
    for (const planes of ['9', '1', '', 'ffn=', 'ffn=0', 'mlp=4', 'ffn=4,', 'ffn=4;head=3']) {
      expect(() => parsePlanes(planes), planes).toThrow(expect.objectContaining({ code: 'option_invalid' }))
    }
    expect(() => parsePlanes('mlp=4')).toThrow(/"mlp=4" is not one of embedding=, attention=, ffn=, head=/)
    for (const group of ['16', '256', 'x']) expect(() => parseGroup(group)).toThrow(/--group/)
  })
})

it('a pack is named after its folder, and none is written where no folder or no name is given', () => {
  expect([parseName('weights/small'), parseName('weights/small/', 'large')]).toEqual(['small', 'large'])
  expect(parseName('.')).toBe(basename(process.cwd()))
  expect(parseFolder('weights')).toBe('weights')
  expect(() => parseFolder('')).toThrow('no folder is given')
  expect(() => parseName('/')).toThrow('--name: the model needs a name')
  expect(() => parseName('weights/small', '')).toThrow('--name: the model needs a name')
})
