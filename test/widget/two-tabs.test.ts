import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Conversations } from '../../src/widget/conversations.ts'
import type { AssistantTurn } from '../../src/widget/turns.ts'
import { begins, end, numbered, type ScriptedApi, says, startScriptedApi, words } from './scripted-api.ts'
import { last, said, Tabs, turnsOf, until } from './tabs.ts'

let api: ScriptedApi
let tabs: Tabs
beforeEach(async () => {
  api = await startScriptedApi()
  tabs = new Tabs()
})
afterEach(async () => {
  await tabs.closeAll()
  await api.stop()
})

const open = () => tabs.open(api.url)
const asked = () => api.requests.filter(({ path }) => path === '/v1/chat/completions')

/** The same conversation in another tab. */
async function reopened(id: string): Promise<Conversations> {
  const tab = await open()
  await tab.open(id)
  return tab
}

describe('two tabs', () => {
  test('see one answer grow, which the second takes over when the first is closed', async () => {
    api.answers = [begins(numbered(0, { content: 'Once' }))]
    api.events = begins(numbered(1, { content: ' upon' }))
    const first = await open()
    void first.current.ask('Tell.')
    await until(() => first.current.turns.length === 2 && last(first.current).content)
    const second = await open()
    void second.open(first.current.id)
    await until(() => said(second.current).at(-1) === 'Once')
    expect(second.current.answering).toBe(true)
    expect(api.requests).toHaveLength(1)
    await tabs.close(first)
    await until(() => said(second.current).at(-1) === 'Once upon')
    second.current.stop()
    await until(() => last(second.current).state === 'stopped')
  })

  test('stop the answer of the other one', async () => {
    api.answers = [begins(numbered(0, { content: 'Once' }))]
    const first = await open()
    const answered = first.current.ask('Tell.')
    await until(() => first.current.turns.length === 2 && last(first.current).content)
    const second = await open()
    void second.open(first.current.id)
    await until(() => second.current.turns.length === 2)
    second.current.stop()
    await answered
    expect(last(first.current)).toMatchObject({ content: 'Once', state: 'stopped' })
    await until(() => last(second.current).state === 'stopped')
  })

  test('ask at once, and no turn is lost', async () => {
    const first = await open()
    await first.current.ask('Zero?')
    const others = await Promise.all([reopened(first.current.id), reopened(first.current.id)])
    await Promise.all([first, ...others].map((tab, index) => tab.current.ask(`${index}?`)))
    for (const tab of [first, ...others]) await until(() => !tab.current.answering && tab.current.queue.length === 0)
    const json = JSON.parse(await first.exportJson([first.current.id]))
    const contents = json.conversations[0].turns.map(({ content }: { content: string }) => content)
    expect(contents.sort()).toEqual(['0?', '1?', '2?', 'Yes.', 'Yes.', 'Yes.', 'Yes.', 'Zero?'])
  })

  test('share the queue, of which each message is sent once', async () => {
    api.answers = [begins(numbered(0, { content: 'A' })), words('B.'), words('C.')]
    const first = await open()
    const answered = first.current.ask('One?')
    await until(() => first.current.turns.length === 2 && last(first.current).content)
    const second = await open()
    void second.open(first.current.id)
    await until(() => second.current.answering)
    await second.current.ask('Two?')
    await until(() => first.current.queue.length === 1)
    await first.current.ask('Three?')
    first.current.stop()
    await answered
    await until(() => said(second.current).length === 6)
    expect(said(first.current)).toEqual(['One?', 'A', 'Two?', 'B.', 'Three?', 'C.'])
    expect(asked()).toHaveLength(3)
  })

  test('delete what the other one is answering, and it stays deleted', async () => {
    await (await open()).current.ask('Zero?')
    api.answers = [begins(numbered(0, { content: 'Once' }))]
    const first = await open()
    const answered = first.current.ask('Tell.')
    await until(() => first.current.turns.length === 2 && last(first.current).content)
    const second = await open()
    void second.open(first.current.id)
    await until(() => second.current.turns.length === 2)
    await second.current.remove(turnsOf(second.current)[0].id)
    await answered
    for (const tab of [first, second]) await until(() => tab.current.isEmpty && !tab.current.answering)
    expect((await reopened(first.current.id)).current.isEmpty).toBe(true)
    await second.current.undoRemove()
    await until(() => said(first.current).join() === 'Tell.,Once')
  })

  test('decide on calls of one turn while one of them runs in the first, and none of them is lost', async () => {
    const paid = Promise.withResolvers<string>()
    const runs: string[] = []
    const tools = [
      { name: 'pay', allowed: true, run: () => paid.promise },
      { name: 'look', run: () => `seen ${runs.push('look')}` },
      { name: 'burn', run: () => `burnt ${runs.push('burn')}` },
    ]
    const called = tools.map(({ name }, index) => ({ index, id: name, function: { name, arguments: '{}' } }))
    api.answers = [says(numbered(0, { tool_calls: called }), end('tool_calls')), words('All is done.')]
    const first = await tabs.open(api.url, { tools })
    const answered = first.current.ask('Do it.')
    const states = ({ current }: Conversations) =>
      turnsOf(current)
        .flatMap((turn) => (turn.role === 'assistant' ? turn.toolCalls : []))
        .map(({ state }) => state)
        .join()
    await until(() => states(first) === 'running,asking,asking')
    const second = await tabs.open(api.url, { tools })
    void second.open(first.current.id)
    await until(() => states(second) === 'running,asking,asking')
    const { id } = last(second.current)
    await second.current.decide(id, 'look', 'once')
    const refused = second.current.decide(id, 'burn', 'refuse')
    // The reader sees it at once.
    expect(states(second)).toMatch(/,refused$/)
    await refused
    for (const tab of [first, second]) await until(() => states(tab) === 'running,running,refused')
    paid.resolve('paid')
    await answered
    for (const tab of [first, second]) await until(() => said(tab.current).at(-1) === 'All is done.')
    expect(states(first)).toBe('done,done,refused')
    expect(runs).toEqual(['look'])
    expect(
      asked()[1]
        .body.messages.slice(2)
        .map(({ content }: { content: string }) => content),
    ).toEqual(['paid', 'seen 1', 'The user did not allow this call.'])
  })

  test('decide on a call that the first has not run when it is closed, and the reader is asked again', async () => {
    const look = vi.fn(() => 'seen')
    const tools = [
      { name: 'pay', allowed: true, run: () => new Promise(() => {}) },
      { name: 'look', run: look },
    ]
    const called = tools.map(({ name }, index) => ({ index, id: name, function: { name, arguments: '{}' } }))
    api.answers = [says(numbered(0, { tool_calls: called }), end('tool_calls')), words('All is done.')]
    const first = await tabs.open(api.url, { tools })
    void first.current.ask('Do it.')
    const states = ({ current }: Conversations) => last(current).toolCalls.map(({ state }) => state)
    await until(() => first.current.turns.length === 2 && states(first)[1] === 'asking')
    const second = await tabs.open(api.url, { tools })
    void second.open(first.current.id)
    await until(() => second.current.turns.length === 2 && states(second)[1] === 'asking')
    await second.current.decide(last(second.current).id, 'look', 'once')
    await until(() => states(first)[1] === 'running')
    await tabs.close(first)
    await until(() => !second.current.answering)
    expect(states(second)).toEqual(['asking', 'asking'])
    expect(look).not.toHaveBeenCalled()
    await second.current.decide(last(second.current).id, 'look', 'once')
    await second.current.decide(last(second.current).id, 'pay', 'refuse')
    await until(() => said(second.current).at(-1) === 'All is done.')
    expect(look).toHaveBeenCalledTimes(1)
  })

  test('decide on a call at the moment when the first has no more to run, and it runs once', async () => {
    const paid = Promise.withResolvers<string>()
    const look = vi.fn(() => 'seen')
    const tools = [
      { name: 'pay', allowed: true, run: () => paid.promise },
      { name: 'look', run: look },
    ]
    const called = tools.map(({ name }, index) => ({ index, id: name, function: { name, arguments: '{}' } }))
    api.answers = [says(numbered(0, { tool_calls: called }), end('tool_calls')), words('All is done.')]
    const first = await tabs.open(api.url, { tools })
    void first.current.ask('Do it.')
    await until(() => first.current.turns.length === 2 && last(first.current).toolCalls.length === 2)
    const second = await tabs.open(api.url, { tools })
    void second.open(first.current.id)
    await until(() => second.current.turns.length === 2 && last(second.current).toolCalls[1]?.state === 'asking')
    paid.resolve('paid')
    await second.current.decide(last(second.current).id, 'look', 'once')
    for (const tab of [first, second]) await until(() => said(tab.current).at(-1) === 'All is done.')
    expect(look).toHaveBeenCalledTimes(1)
    expect(asked()).toHaveLength(2)
  })

  test('look at a branch, take it away and bring it back, and what the other one has made of it stays', async () => {
    const tools = [{ name: 'pay', run: () => 'paid' }]
    const called = { tool_calls: [{ index: 0, id: 'x', function: { name: 'pay', arguments: '{}' } }] }
    api.answers = [says(numbered(0, called), end('tool_calls')), words('Well.')]
    const first = await tabs.open(api.url, { tools })
    await first.current.ask('Pay.')
    const second = await reopened(first.current.id)
    const call = last(second.current)
    expect(call.toolCalls).toMatchObject([{ state: 'asking' }])
    // It hears of nothing for a while.
    vi.spyOn(second.current, 'hear').mockResolvedValue()
    await first.current.decide(call.id, 'x', 'once')
    const kept = async () => (turnsOf((await reopened(first.current.id)).current)[1] as AssistantTurn).toolCalls
    second.current.switchBranch(call.id, 0)
    await second.current.flush()
    expect(await kept()).toMatchObject([{ state: 'done', result: 'paid' }])
    await second.current.remove(call.id)
    await second.current.undoRemove()
    expect(await kept()).toMatchObject([{ state: 'done', result: 'paid' }])
    expect(last(second.current).toolCalls).toMatchObject([{ state: 'done' }])
  })

  test('keep their drafts', async () => {
    const first = await open()
    first.current.draft = 'Half a thou'
    await first.current.flush()
    const second = await reopened(first.current.id)
    expect(second.current.draft).toBe('Half a thou')
    expect(first.list).toEqual([])
  })
})
