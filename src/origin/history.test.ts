import { describe, expect, test } from 'vitest'
import { PROMPT, tokenizer } from '../../test/origins/letters-model.ts'
import { History, type HistoryToken } from './history.ts'

const ids = (text: string): HistoryToken[] => tokenizer.encode(text).map((id) => ({ id, logprobs: undefined }))
const text = (piece: string, count = 1): HistoryToken => ({ text: piece, count })

describe('History', () => {
  test('is the prompt at first', () => {
    const history = new History(tokenizer, PROMPT)
    expect([history.ids(), history.text(), history.length]).toEqual([PROMPT.ids, PROMPT.text, 0])
  })

  test('keeps ids as they are, also those of no text', () => {
    const prompt = { ids: [256, ...PROMPT.ids], text: PROMPT.text }
    const history = new History(tokenizer, prompt).with([...ids('ab'), { id: 256, logprobs: undefined }])
    expect(history.ids()).toEqual([...prompt.ids, 97, 98, 256])
    expect([history.text(), history.length, history.promptLength]).toEqual([`${PROMPT.text}ab`, 3, prompt.ids.length])
  })

  test('has no text inside a character', () => {
    const [first, second] = ids('é')
    const history = new History(tokenizer, PROMPT).with([first])
    expect(history.text()).toBeUndefined()
    history.push(second)
    expect(history.text()).toBe(`${PROMPT.text}é`)
  })

  test('has no text where the prompt has none, or where the model writes a tag with other tokens', () => {
    expect(new History(tokenizer, { ...PROMPT, text: undefined }).with(ids('ab')).text()).toBeUndefined()
    const tag = { id: tokenizer.addedToken('</think>')!, logprobs: undefined }
    expect(new History(tokenizer, PROMPT).with([...ids('a'), tag]).text()).toBe(`${PROMPT.text}a</think>`)
    const spelled = [...'</think>'].flatMap(ids)
    expect(new History(tokenizer, PROMPT).with([...spelled, tag]).text()).toBeUndefined()
  })

  test('encodes anew once there is text of others, and keeps what the template does not write', () => {
    const prompt = { ids: [256, ...PROMPT.ids], text: PROMPT.text }
    const history = new History(tokenizer, prompt).with([...ids('a'), text('</think> b', 3), ...ids('c')])
    expect(history.ids()).toEqual([...prompt.ids, ...tokenizer.encode('a</think> bc')])
    expect([history.text(), history.length]).toEqual([`${PROMPT.text}a</think> bc`, 5])
  })

  test('copies share nothing', () => {
    const history = new History(tokenizer, PROMPT)
    const copy = history.with(ids('a'))
    copy.push(text('b'))
    history.push(text('c'))
    expect([history.text(), copy.text()]).toEqual([`${PROMPT.text}c`, `${PROMPT.text}ab`])
  })
})
