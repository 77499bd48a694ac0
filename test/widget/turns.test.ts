import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Conversation } from '../../src/widget/conversation.ts'
import type { Tool } from '../../src/widget/turns.ts'
import { begins, chunk, end, type ScriptedApi, says, startScriptedApi, words } from './scripted-api.ts'
import { last, said, Tabs, turnsOf, until } from './tabs.ts'

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

describe('branches', () => {
  test('another answer, another question, and the way back', async () => {
    api.answers = [words('A.'), words('B.'), words('C.')]
    await current.ask('One?')
    await current.regenerate(last(current).id)
    expect(current.turns.map(({ turn, branch, branches }) => [turn.content, branch, branches])).toEqual([
      ['One?', 0, 1],
      ['B.', 1, 2],
    ])
    await current.edit(turnsOf(current)[0].id, 'Two?')
    expect(said(current)).toEqual(['Two?', 'C.'])
    expect(bodies()[2].messages).toEqual([{ role: 'user', content: 'Two?' }])
    current.switchBranch(turnsOf(current)[0].id, 0)
    expect(said(current)).toEqual(['One?', 'B.'])
    current.switchBranch(last(current).id, 0)
    expect(said(current)).toEqual(['One?', 'A.'])
    await current.ask('More?')
    expect(bodies()[3].messages.map(({ content }: { content: string }) => content)).toEqual(['One?', 'A.', 'More?'])
  })

  test('another answer ends the one under way', async () => {
    api.answers = [begins(`${chunk({ content: 'A' })}\n`), words('B.')]
    const asked = current.ask('One?')
    await until(() => current.turns.length === 2 && last(current).content)
    await current.regenerate(last(current).id)
    await asked
    expect(said(current)).toEqual(['One?', 'B.'])
    current.switchBranch(last(current).id, 0)
    expect(last(current)).toMatchObject({ content: 'A', state: 'stopped' })
  })
})

test('a turn is deleted with what follows it, and comes back', async () => {
  for (const question of ['One?', 'Two?', 'Three?']) await current.ask(question)
  await current.remove(turnsOf(current)[2].id)
  expect(said(current)).toEqual(['One?', 'Yes.'])
  const { id } = current
  const tab = await tabs.open(api.url)
  await tab.open(id)
  expect(said(tab.current)).toEqual(['One?', 'Yes.'])
  await current.undoRemove()
  expect(said(current)).toEqual(['One?', 'Yes.', 'Two?', 'Yes.', 'Three?', 'Yes.'])
  await until(() => said(tab.current).length === 6)
})

test('Undo before a turn under way is gone brings it back', async () => {
  api.answers = [begins(`${chunk({ content: 'A' })}\n`)]
  const asked = current.ask('One?')
  await until(() => current.turns.length === 2 && last(current).content)
  const removed = current.remove(last(current).id)
  await current.undoRemove()
  await Promise.all([asked, removed])
  expect(said(current)).toEqual(['One?', 'A'])
  const { id } = current
  const tab = await tabs.open(api.url)
  await tab.open(id)
  expect(said(tab.current)).toEqual(['One?', 'A'])
})

describe('a message that is typed during an answer', () => {
  test('waits its turn', async () => {
    api.answers = [begins(`${chunk({ content: 'A' })}\n`), words('B.'), words('C.')]
    const asked = current.ask('One?')
    const { response } = await api.answer()
    await current.ask('Two?')
    await current.ask('Three?')
    await current.ask('Four?')
    expect(current.queue.map(({ content }) => content)).toEqual(['Two?', 'Three?', 'Four?'])
    expect(current.unqueue(current.queue[2].id)).toBe('Four?')
    expect(bodies()).toHaveLength(1)
    response.end(end())
    await asked
    expect(said(current)).toEqual(['One?', 'A', 'Two?', 'B.', 'Three?', 'C.'])
    expect(current.queue).toEqual([])
  })

  test('comes next when the answer is stopped', async () => {
    api.answers = [begins(`${chunk({ content: 'A' })}\n`), words('B.')]
    const asked = current.ask('One?')
    await until(() => current.turns.length === 2 && last(current).content)
    await current.ask('Two?')
    current.stop()
    await asked
    expect(said(current)).toEqual(['One?', 'A', 'Two?', 'B.'])
  })

  test('waits on when the answer fails, until that is put right', async () => {
    api.answers = [begins(`${chunk({ content: 'A' })}\n`), words('B.'), words('C.')]
    const asked = current.ask('One?')
    const { response } = await api.answer()
    await current.ask('Two?')
    response.end('data: {"error":{"message":"Out of luck."}}\n\n')
    await asked
    expect(current.queue).toHaveLength(1)
    await current.retry()
    expect(said(current)).toEqual(['One?', 'B.', 'Two?', 'C.'])
  })
})

describe('tools', () => {
  const runs: unknown[] = []
  const tool = (name: string, run: Tool['run'], more: Partial<Tool> = {}): Tool => ({ name, run, ...more })
  const weather = tool(
    'weather',
    (args) => {
      runs.push(args)
      return { degrees: 7 }
    },
    { description: 'Of a city.', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  )
  const calls = (...named: [name: string, text: string][]) =>
    says(
      ...named.flatMap(([name, text], index) => [
        `${chunk({ tool_calls: [{ index, id: `call_${index}`, type: 'function', function: { name, arguments: '' } }] })}\n`,
        ...[text.slice(0, 3), text.slice(3)].map(
          (piece) => `${chunk({ tool_calls: [{ index, function: { arguments: piece } }] })}\n`,
        ),
      ]),
      end('tool_calls'),
    )
  beforeEach(() => {
    runs.length = 0
  })

  test('run after a question to the reader, and the model goes on with their results', async () => {
    const tab = await tabs.open(api.url, { tools: [weather] })
    api.answers = [calls(['weather', '{"city":"Bonn"}']), words('7 degrees.')]
    await tab.current.ask('Weather?')
    const [call] = last(tab.current).toolCalls
    expect(call).toMatchObject({ name: 'weather', arguments: '{"city":"Bonn"}', state: 'asking' })
    expect(tab.current.answering).toBe(false)
    expect(runs).toEqual([])
    await tab.current.decide(last(tab.current).id, call.id, 'once')
    expect(runs).toEqual([{ city: 'Bonn' }])
    expect(turnsOf(tab.current)[1]).toMatchObject({ toolCalls: [{ state: 'done', result: '{"degrees":7}' }] })
    expect(last(tab.current)).toMatchObject({ content: '7 degrees.', state: 'done' })
    expect(bodies()[0].tools).toEqual([
      { type: 'function', function: { name: 'weather', description: 'Of a city.', parameters: weather.parameters } },
    ])
    expect(bodies()[1].messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ id: 'call_0', type: 'function', function: { name: 'weather', arguments: '{"city":"Bonn"}' } }],
      },
      { role: 'tool', tool_call_id: 'call_0', content: '{"degrees":7}' },
    ])
  })

  test('that are allowed always are not asked about again, in other tabs either', async () => {
    const tab = await tabs.open(api.url, { tools: [weather] })
    api.answers = [
      calls(['weather', '{}']),
      words('7.'),
      calls(['weather', '{}']),
      words('8.'),
      calls(['weather', '{}']),
      words('9.'),
    ]
    await tab.current.ask('One?')
    await tab.current.decide(last(tab.current).id, 'call_0', 'always')
    await tab.current.ask('Two?')
    expect(said(tab.current)).toEqual(['One?', '', '7.', 'Two?', '', '8.'])
    const other = await tabs.open(api.url, { tools: [weather] })
    await other.current.ask('Three?')
    expect(last(other.current).content).toBe('9.')
  })

  test('refused, failed and unknown ones and bad arguments are told to the model', async () => {
    const fails = tool('fails', () => Promise.reject(new Error('No network.')), { allowed: true })
    const tab = await tabs.open(api.url, { tools: [weather, fails] })
    api.answers = [calls(['weather', '{}'], ['fails', '{}'], ['nothing', '{}'], ['fails', '{"a"']), words('Sorry.')]
    await tab.current.ask('?')
    await tab.current.decide(last(tab.current).id, 'call_0', 'refuse')
    expect(said(tab.current)).toEqual(['?', '', 'Sorry.'])
    expect(runs).toEqual([])
    const told = bodies()[1].messages.filter(({ role }: { role: string }) => role === 'tool')
    expect(told.map(({ content }: { content: string }) => content)).toEqual([
      'The user did not allow this call.',
      'No network.',
      "There is no tool 'nothing'. There are: weather, fails.",
      expect.stringContaining('no JSON'),
    ])
    // What servers read as JSON is JSON.
    for (const { function: called } of bodies()[1].messages[1].tool_calls) JSON.parse(called.arguments)
    expect(turnsOf(tab.current)[1]).toMatchObject({
      toolCalls: [{ state: 'refused' }, { state: 'failed' }, { state: 'failed' }, { state: 'failed' }],
    })
  })

  test('come in rounds, but not for ever', async () => {
    const tab = await tabs.open(api.url, { tools: [{ ...weather, allowed: true }] })
    api.answers = [...Array.from({ length: 8 }, () => calls(['weather', '{}'])), words('Enough.')]
    await tab.current.ask('?')
    expect(last(tab.current).content).toBe('Enough.')
    expect(bodies().map(({ tool_choice }) => tool_choice)).toEqual([...Array(8).fill('auto'), 'none'])
  })

  test('that run are ended by Stop', async () => {
    const started = Promise.withResolvers<AbortSignal>()
    const run: Tool['run'] = (_, { signal }) => {
      started.resolve(signal)
      return new Promise(() => {})
    }
    const slow = tool('slow', run, { allowed: true })
    const tab = await tabs.open(api.url, { tools: [slow] })
    api.answers = [calls(['slow', '{}']), words('Never.')]
    const asked = tab.current.ask('?')
    const signal = await started.promise
    expect(tab.current.answering).toBe(true)
    tab.current.stop()
    await asked
    expect(signal.aborted).toBe(true)
    expect(last(tab.current)).toMatchObject({ toolCalls: [{ state: 'failed', result: 'The user stopped it.' }] })
    expect(bodies()).toHaveLength(1)
  })

  test('that wait are refused by another question', async () => {
    const tab = await tabs.open(api.url, { tools: [weather] })
    api.answers = [calls(['weather', '{}']), words('Well.')]
    await tab.current.ask('One?')
    await tab.current.ask('Two?')
    expect(turnsOf(tab.current)[1]).toMatchObject({ toolCalls: [{ state: 'refused' }] })
    expect(bodies()[1].messages.map(({ role }: { role: string }) => role)).toEqual([
      'user',
      'assistant',
      'tool',
      'user',
    ])
  })

  test('a call that is cut is none for the model, and the answer is continued without it', async () => {
    const tab = await tabs.open(api.url, { tools: [weather] })
    const begun = { tool_calls: [{ index: 0, function: { name: 'weather', arguments: '{"a' } }] }
    api.answers = [says(`${chunk({ content: 'Well.' })}\n${chunk(begun)}\n`, end('length')), words(' So.')]
    await tab.current.ask('?')
    expect(last(tab.current)).toMatchObject({ state: 'cut', toolCalls: [{ name: 'weather', state: 'failed' }] })
    await tab.current.continueAnswer(last(tab.current).id)
    expect(last(tab.current)).toMatchObject({ content: 'Well. So.', toolCalls: [], state: 'done' })
    expect(bodies()[1].messages.at(-1)).toEqual({ role: 'assistant', content: 'Well.' })
  })

  test('a call that turned out to be text is none', async () => {
    const tab = await tabs.open(api.url, { tools: [weather] })
    const begun = { tool_calls: [{ index: 0, id: 'x', function: { name: 'weather', arguments: '{"a' } }] }
    api.answers = [says(`${chunk(begun)}\n${chunk({ content: '<tool_call>{"a' })}\n`, end())]
    await tab.current.ask('?')
    expect(last(tab.current)).toMatchObject({ content: '<tool_call>{"a', toolCalls: [], state: 'done' })
  })
})

test('settings of the reader go before those of the page', async () => {
  const defaults = { systemPrompt: 'Be short.', temperature: 0.5, model: 'm' }
  const tab = await tabs.open(api.url, { defaults })
  tab.set({ effort: 'low', temperature: 0, topP: 0.5, maxTokens: 9, seed: 1 })
  await tab.current.ask('?')
  expect(bodies()[0]).toMatchObject({
    model: 'm',
    messages: [
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: '?' },
    ],
    reasoning_effort: 'low',
    temperature: 0,
    top_p: 0.5,
    max_tokens: 9,
    seed: 1,
    stream_options: { include_usage: true },
  })
  tab.set({ temperature: undefined, systemPrompt: '' })
  await tab.current.ask('?')
  expect(bodies()[1]).toMatchObject({
    temperature: 0.5,
    messages: [{ role: 'user' }, { role: 'assistant' }, { role: 'user' }],
  })
  expect((await tabs.open(api.url)).settings).toMatchObject({ effort: 'low', maxTokens: 9 })
})
