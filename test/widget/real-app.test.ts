import { afterEach, expect, test } from 'vitest'
import type { ChatHost } from '../../src/widget/turns.ts'
import { fakeApp } from '../support/fake-app.ts'
import { FakeModel, fakeChat } from '../support/fake-model.ts'
import { type ListeningApp, listen } from '../support/listen.ts'
import { last, said, Tabs, turnsOf, until } from './tabs.ts'

// Against the real API, over a model that says what it is told to.
let server: ListeningApp
const tabs = new Tabs()
afterEach(async () => {
  await tabs.closeAll()
  await server.stop()
})

async function open(model: FakeModel, host: Partial<ChatHost> = {}) {
  server = await listen(fakeApp(fakeChat(model)))
  return (await tabs.open(server.url, host)).current
}

test('an answer that is cut again and again is continued to its end', async () => {
  const whole = 'Once upon a time there was a fox.'
  const model = new FakeModel((prompt) => whole.slice(prompt.split('assistant\n').at(-1)!.length))
  const conversation = await open(model, { defaults: { maxTokens: 10 } })
  await conversation.ask('Tell.')
  expect(last(conversation)).toMatchObject({ content: 'Once upon ', state: 'cut', answerTokens: 10 })
  while (last(conversation).state === 'cut') await conversation.continueAnswer(last(conversation).id)
  expect(last(conversation)).toMatchObject({ content: whole, state: 'done', answerTokens: whole.length })
  expect(last(conversation).usage).toMatchObject({ edgeTokens: whole.length, originTokens: 0 })
  expect(conversation.turns).toHaveLength(2)
})

test('what is thought is counted apart, and not sent back', async () => {
  const prompts: string[] = []
  const model = new FakeModel((prompt) => {
    prompts.push(prompt)
    return '<think>\nHm.\n</think>\n\nNo.'
  })
  const conversation = await open(model)
  await conversation.ask('First?')
  expect(last(conversation)).toMatchObject({ content: 'No.', reasoning: 'Hm.', source: 'edge', moves: [] })
  expect(last(conversation).reasoningTokens + last(conversation).answerTokens).toBe(
    last(conversation).usage!.edgeTokens,
  )
  await conversation.ask('Second?')
  expect(prompts.at(-1)).toBe('user\nFirst?\nassistant\nNo.\nuser\nSecond?\nassistant\n')
})

test('Stop ends the answer at the server', async () => {
  const model = new FakeModel('x'.repeat(3000))
  const conversation = await open(model)
  const asked = conversation.ask('Tell.')
  await until(() => conversation.turns.length === 2 && last(conversation).content.length > 5)
  conversation.stop()
  await asked
  await until(() => model.released > 0)
  expect(model.decoded).toBeLessThan(3000)
  expect(last(conversation)).toMatchObject({ state: 'stopped' })
})

test('tools run, and the model goes on with what they say', async () => {
  const call = (text: string) => `<tool_call>\n{"name": "add", "arguments": ${text}}\n</tool_call>`
  const model = new FakeModel((prompt) => (prompt.includes('tool\n3') ? '3.' : call('{"a": 1, "b": 2}')))
  const run = (args: unknown) => (args as { a: number; b: number }).a + (args as { a: number; b: number }).b
  const conversation = await open(model, { tools: [{ name: 'add', run, allowed: true }] })
  await conversation.ask('1 + 2?')
  expect(said(conversation)).toEqual(['1 + 2?', '', '3.'])
  expect(turnsOf(conversation)[1]).toMatchObject({ toolCalls: [{ name: 'add', state: 'done', result: '3' }] })
})
