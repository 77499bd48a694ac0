import 'fake-indexeddb/auto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Conversation } from '../../src/widget/conversation.ts'
import { Conversations } from '../../src/widget/conversations.ts'
import type { AssistantTurn, ChatEvent, ChatHost, Turn } from '../../src/widget/turns.ts'
import {
  type Answer,
  begins,
  breaks,
  chunk,
  end,
  numbered,
  refuses,
  type ScriptedApi,
  says,
  startScriptedApi,
  words,
} from './scripted-api.ts'

let api: ScriptedApi
let tabs: Conversations[]
beforeEach(async () => {
  api = await startScriptedApi()
  tabs = []
})
afterEach(async () => {
  for (const tab of tabs) await tab.leave()
  await api.stop()
})

/** Another tab with the same database. */
async function tab(host: Partial<ChatHost> = {}): Promise<Conversations> {
  const opened = new Conversations({ endpoint: api.url, requestUpdate: () => {}, ...host })
  tabs.push(opened)
  await opened.ready
  return opened
}

const turnsOf = (conversation: Conversation): Turn[] => conversation.turns.map(({ turn }) => turn)
const last = (conversation: Conversation) => turnsOf(conversation).at(-1) as AssistantTurn
const said = (conversation: Conversation) => turnsOf(conversation).map(({ content }) => content)
const bodies = () => api.requests.filter(({ path }) => path === '/v1/chat/completions').map(({ body }) => body)
const until = (check: () => unknown) => expect.poll(check, { timeout: 5000, interval: 5 }).toBeTruthy()

describe('an answer', () => {
  test('grows to its end, with what was thought beside it', async () => {
    api.answers = [
      says(
        `${chunk({ role: 'assistant', content: '' })}\n`,
        `${chunk({ reasoning_content: 'Hm' })}\n${chunk({ reasoning: '.' })}\n`,
        `${chunk({ content: 'No' })}\n${chunk({ content: '.' })}\n${end()}`,
      ),
    ]
    const { current } = await tab()
    await current.ask('First?')
    expect(turnsOf(current)).toMatchObject([
      { role: 'user', content: 'First?' },
      { role: 'assistant', content: 'No.', reasoning: 'Hm.', state: 'done', reasoningTokens: 2, answerTokens: 2 },
    ])
    expect(last(current).thoughtAt).toBeGreaterThanOrEqual(last(current).firstTokenAt!)
    await current.ask('Second?')
    expect(bodies()[1].messages).toEqual([
      { role: 'user', content: 'First?' },
      { role: 'assistant', content: 'No.' },
      { role: 'user', content: 'Second?' },
    ])
    expect(api.requests[0].headers['x-nanbeige-resumable']).toBe('1')
  })
})
