import { describe, expect, test } from 'vitest'
import { JsonFloat } from '../jinja/values.ts'
import { ControlMask } from './control-mask.ts'
import { ControlSpellings } from './control-spellings.ts'

const spellings = new ControlSpellings(['<s>', '</s>', '<say>', '<say>bc', 'ab', 'bc', '<|im_end|>', '<name>', '\n\n'])
const masked = <T>(value: T) => new ControlMask(spellings, '').mask(value)
const places = (text: string) => spellings.places(text)

describe('places', () => {
  test.each([
    ['a whole spelling', 'x<s>y', [1]],
    ['spellings that overlap', '<say>bc', [0, 5]],
    ['one that begins inside another', 'xabcx', [1, 2]],
    ['any case, since templates change it', 'x<|IM_End|>x', [1]],
    ['the sign for Kelvin, which is a small k in no spelling here', 'x\u212ax', []],
    ['a beginning at the end', 'x<|im_', [1]],
    ['a beginning before white space', 'x<|im_ \n', [1]],
    ['two beginnings', 'x<<', [2]],
    ['an ending at the beginning', 'end|> x', [0]],
    ['an ending after white space', ' \n>x', [2]],
    ['an inner part alone', 'im_en', [0]],
    ['an inner part with white space around it', ' im_en\n', [1]],
    ['an inner part among words', 'im_en x', []],
    ['words of the protocol', 'name', []],
    ['blank lines', 'x\n\ny', []],
    ['nothing', '', []],
  ])('%s', (_, text, expected) => {
    expect(places(text)).toEqual(expected)
  })
})

test('a text keeps its length, and comes back', () => {
  const mask = new ControlMask(spellings, '')
  const text = 'a<s> <|im_end|> \ua000 <'
  const after = mask.mask(text)
  expect([...after]).toHaveLength([...text].length)
  expect(after).not.toContain('<')
  expect(mask.unmask(after)).toBe(text)
})

test('keys and values at every depth are masked, in records, maps and lists; what the request has of letters is not taken', () => {
  const number = new JsonFloat(1)
  const value = { role: 'user', content: ['<s>', { name: new Map([['<s>', '\ua000']]) }], 'a<s>': [null, 1, number] }
  const mask = new ControlMask(spellings, '\ua001')
  expect(mask.mask(value)).toEqual({
    role: 'user',
    content: ['\ua002s>', { name: new Map([['\ua002s>', '\ua000']]) }],
    'a\ua002s>': [null, 1, number],
  })
  expect(mask.unmask('\ua002s>\ua000\ua001')).toBe('<s>\ua000\ua001')
})

test('a record without a prototype is no way around it', () => {
  expect(masked(Object.assign(Object.create(null), { x: '<s>' }))).toEqual({ x: '\ua000s>' })
})

test('what needs no mask is left as it is', () => {
  const value = { messages: [{ role: 'user', content: 'name < 3 \ua000' }] }
  expect(masked(value)).toBe(value)
})

test('a vocabulary without control tokens needs none', () => {
  expect(new ControlMask(new ControlSpellings([]), '').mask('<s>')).toBe('<s>')
})
