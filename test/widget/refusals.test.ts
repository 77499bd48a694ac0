import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Conversation } from '../../src/widget/conversation.ts'
import { refuses, type ScriptedApi, startScriptedApi, words } from './scripted-api.ts'
import { last, said, Tabs, until } from './tabs.ts'

let api: ScriptedApi
let tabs: Tabs
let current: Conversation
beforeEach(async () => {
  api = await startScriptedApi()
  tabs = new Tabs()
  current = (await tabs.open(api.url)).current
})
afterEach(async () => {
  await tabs.closeAll()
  await api.stop()
})

const bodies = () => api.requests.filter(({ path }) => path === '/v1/chat/completions').map(({ body }) => body)
const isQuestion = ({ role }: { role: string }) => role === 'user'
const textOf = ({ content }: { content: string }) => content

describe('what a server refuses', () => {
  test('for now is asked again when it says', async () => {
    api.answers = [refuses(429, 'queue_full', 'Full.', { 'Retry-After': '1' }), words('Yes.')]
    const asked = current.ask('?')
    await until(() => current.turns.length === 2 && last(current).error)
    const { state, error } = last(current)
    expect({ state, error }).toMatchObject({ state: 'waiting', error: { kind: 'busy', message: 'Full.' } })
    expect(error!.retryAt! - Date.now()).toBeLessThanOrEqual(1000)
    await asked
    expect(last(current)).toMatchObject({ content: 'Yes.', state: 'done', error: undefined })
  })

  test('for now can be stopped meanwhile', async () => {
    api.answers = [refuses(429, 'queue_full', 'Full.', { 'Retry-After': '60' })]
    const asked = current.ask('?')
    await until(() => current.turns.length === 2 && last(current).error)
    current.stop()
    await asked
    expect(last(current).state).toBe('stopped')
    expect(bodies()).toHaveLength(1)
  })

  test('until tomorrow is not waited for', async () => {
    api.answers = [refuses(429, 'tokens_per_day', 'Enough.', { 'Retry-After': '40000' })]
    await current.ask('?')
    expect(last(current)).toMatchObject({
      state: 'failed',
      error: { kind: 'busy', message: 'Enough.', retryAt: undefined },
    })
  })

  test('without a key is answered with one', async () => {
    const tab = await tabs.open(api.url)
    api.answers = [refuses(401, 'invalid_api_key'), words('Yes.')]
    await tab.current.ask('?')
    expect(last(tab.current).error).toMatchObject({ kind: 'key' })
    tab.set({ key: 'right' })
    await tab.current.retry()
    expect(last(tab.current)).toMatchObject({ content: 'Yes.', state: 'done' })
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer right'])
    // Never on the disk.
    expect((await tabs.open(api.url)).settings.key).toBeUndefined()
  })

  test.each([
    [401, 'invalid_api_key'],
    [429, 'widget_token_spent'],
  ])('with a token that has ended is asked with the next one (%i %s)', async (status, code) => {
    let token = 0
    const tab = await tabs.open(api.url, { tokenProvider: async () => `token ${++token}` })
    api.answers = [refuses(status, code), words('Yes.')]
    await tab.current.ask('?')
    expect(said(tab.current)).toEqual(['?', 'Yes.'])
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer token 1', 'Bearer token 2'])
  })

  test('a provider that fails is told', async () => {
    const tokenProvider = () => Promise.reject(new Error('signed out'))
    const { current } = await tabs.open(api.url, { tokenProvider })
    await current.ask('?')
    expect(last(current)).toMatchObject({ state: 'failed', error: { code: 'no_token', kind: 'key' } })
  })
})

describe('a context that is full', () => {
  const full = refuses(400, 'context_length_exceeded', 'Too long.')

  test('drops the oldest turns until the rest has room, for the next questions too', async () => {
    for (const question of ['1', '2', '3', '4', '5']) await current.ask(question)
    api.answers = [full, full, words('So.')]
    await current.ask('6')
    expect(last(current)).toMatchObject({ state: 'failed', error: { kind: 'context' } })
    await current.retry({ dropOldest: true })
    expect(said(current)).toHaveLength(12)
    expect(last(current)).toMatchObject({ content: 'So.', state: 'done' })
    const sent = () => bodies().map(({ messages }) => messages.filter(isQuestion).map(textOf).join(''))
    expect(sent().slice(5)).toEqual(['123456', '456', '56'])
    await current.ask('7')
    expect(sent().at(-1)).toBe('567')
  })

  test('that the question alone fills is told', async () => {
    api.answers = [full]
    await current.ask('long')
    await current.retry({ dropOldest: true })
    expect(last(current)).toMatchObject({ state: 'failed', error: { kind: 'context' } })
  })

  test('starts anew with a summary', async () => {
    const tab = await tabs.open(api.url)
    const old = tab.current
    await old.ask('My name is Ada.')
    api.answers = [full, words('The user is', ' Ada.'), words('Ada.')]
    await old.ask('What is my name?')
    await tab.startAnew()
    expect(said(tab.current)).toEqual(['What is my name?', 'Ada.'])
    expect(tab.current.summary).toBe('The user is Ada.')
    expect(bodies().at(-1).messages).toEqual([
      { role: 'system', content: expect.stringContaining('The user is Ada.') },
      { role: 'user', content: 'What is my name?' },
    ])
    expect(tab.list.map(({ title }) => title)).toEqual(['What is my name?', 'My name is Ada.'])
  })
})
