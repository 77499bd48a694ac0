import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Conversations } from '../../src/widget/conversations.ts'
import { begins, chunk, end, numbered, type ScriptedApi, says, startScriptedApi, words } from './scripted-api.ts'
import { last, said, Tabs, until } from './tabs.ts'

let api: ScriptedApi
let tabs: Tabs
beforeEach(async () => {
  api = await startScriptedApi()
  tabs = new Tabs()
})
afterEach(async () => {
  vi.unstubAllGlobals()
  await tabs.closeAll()
  await api.stop()
})

const open = () => tabs.open(api.url)
const asked = () => api.requests.filter(({ path }) => path === '/v1/chat/completions')

/** The same conversation in another tab, or after a reload. */
async function reopened(id: string): Promise<Conversations> {
  const tab = await open()
  await tab.open(id)
  return tab
}

describe('a reload in the middle of an answer', () => {
  test('goes on where it was', async () => {
    api.answers = [
      begins(
        numbered(0, { reasoning_content: 'Hm' }),
        numbered(1, { content: 'Once' }),
        numbered(2, { content: ' upon' }),
      ),
    ]
    api.events = says(numbered(3, { content: ' a time.' }), end())
    const tab = await open()
    void tab.current.ask('Tell.')
    await until(() => tab.current.turns.length === 2 && last(tab.current).content === 'Once upon')
    await tabs.close(tab)
    const again = await reopened(tab.current.id)
    await until(() => !again.current.answering)
    expect(last(again.current)).toMatchObject({ reasoning: 'Hm', content: 'Once upon a time.', state: 'done' })
    expect(api.requests.at(-1)!.headers['last-event-id']).toBe('c:2')
    // Nobody was told to stop.
    expect(api.requests.map(({ path }) => path)).not.toContain('/v1/chat/completions/c/cancel')
  })

  test('never saves text without the place up to which it goes', async () => {
    const events = Array.from({ length: 400 }, (_, at) => numbered(at, { content: `${at} ` }))
    api.answers = [
      async (_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' })
        for (const event of events) {
          response.write(event)
          await new Promise((resolve) => setTimeout(resolve, 3))
        }
        response.end(end())
      },
    ]
    const tab = await open()
    const answered = tab.current.ask('Count.')
    const seen = new Set<string>()
    while (tab.current.answering || seen.size === 0) {
      const json = JSON.parse(await tab.exportJson([tab.current.id]))
      const turn = json.conversations[0]?.turns.find(({ role }: { role: string }) => role === 'assistant')
      if (turn?.completion) {
        const position = Number(turn.completion.lastEventId.split(':')[1])
        expect(turn.content).toBe(Array.from({ length: position + 1 }, (_, at) => `${at} `).join(''))
        seen.add(turn.content)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await answered
    expect(seen.size).toBeGreaterThan(3)
  })

  test('before the first event asks again', async () => {
    api.answers = [() => {}, words('Yes.')]
    const tab = await open()
    void tab.current.ask('?')
    await until(() => asked().length === 1)
    await tabs.close(tab)
    api.answers = [words('Yes.')]
    const again = await reopened(tab.current.id)
    await until(() => !again.current.answering)
    expect(said(again.current)).toEqual(['?', 'Yes.'])
  })

  test('of a server that is gone is told, and continued', async () => {
    api.answers = [begins(numbered(0, { content: 'Once' })), words(' upon.')]
    const tab = await open()
    void tab.current.ask('Tell.')
    await until(() => tab.current.turns.length === 2 && last(tab.current).content)
    await tabs.close(tab)
    const again = await reopened(tab.current.id)
    await until(() => !again.current.answering)
    expect(last(again.current)).toMatchObject({ content: 'Once', state: 'failed', error: { kind: 'lost' } })
    await again.current.continueAnswer(last(again.current).id)
    expect(last(again.current)).toMatchObject({ content: 'Once upon.', state: 'done' })
  })

  test('sends what waited in the queue afterwards', async () => {
    api.answers = [begins(numbered(0, { content: 'A' })), words('B.')]
    api.events = says(end())
    const tab = await open()
    void tab.current.ask('One?')
    await until(() => tab.current.turns.length === 2 && last(tab.current).content)
    await tab.current.ask('Two?')
    await tabs.close(tab)
    const again = await reopened(tab.current.id)
    await until(() => said(again.current).at(-1) === 'B.')
    expect(said(again.current)).toEqual(['One?', 'A', 'Two?', 'B.'])
  })

  test('while a tool runs asks the reader about it again', async () => {
    const run = vi.fn(() => new Promise(() => {}))
    const tools = [{ name: 'pay', run, allowed: true }]
    const called = { tool_calls: [{ index: 0, id: 'x', function: { name: 'pay', arguments: '{}' } }] }
    api.answers = [says(numbered(0, called), end('tool_calls')), words('Paid.')]
    const tab = await tabs.open(api.url, { tools })
    void tab.current.ask('Pay.')
    await until(() => run.mock.calls.length === 1)
    await tabs.close(tab)
    const again = await tabs.open(api.url, { tools })
    await again.open(tab.current.id)
    await until(() => !again.current.answering)
    expect(last(again.current).toolCalls).toMatchObject([{ state: 'asking' }])
    expect(run).toHaveBeenCalledTimes(1)
  })
})

describe('an element', () => {
  test('that is moved in the page goes on reading', async () => {
    api.answers = [begins(numbered(0, { content: 'Once' }))]
    const tab = await open()
    const answered = tab.current.ask('Tell.')
    const { response } = await api.answer()
    await until(() => tab.current.turns.length === 2 && last(tab.current).content)
    tab.hostDisconnected()
    tab.hostConnected()
    await new Promise((resolve) => setTimeout(resolve, 20))
    response.end(`${numbered(1, { content: ' upon' })}${end()}`)
    await answered
    expect(last(tab.current)).toMatchObject({ content: 'Once upon', state: 'done' })
    expect(api.requests).toHaveLength(1)
  })

  test('that is taken out goes on when it is back', async () => {
    stubSessionStorage()
    api.answers = [begins(numbered(0, { content: 'Once' }))]
    api.events = says(numbered(1, { content: ' upon' }), end())
    const tab = await open()
    void tab.current.ask('Tell.')
    await until(() => tab.current.turns.length === 2 && last(tab.current).content)
    tab.hostDisconnected()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(api.requests).toHaveLength(1)
    tab.hostConnected()
    await until(() => tab.current.turns.length === 2 && last(tab.current).state === 'done')
    expect(last(tab.current).content).toBe('Once upon')
  })
})

test('a new conversation that is begun while the last one is read stays', async () => {
  const tab = await open()
  const items = stubSessionStorage()
  await tab.current.ask('Tell.')
  await tab.leave()
  const host = { endpoint: api.url, requestUpdate: () => {} }
  const next = new Conversations(host)
  vi.spyOn(items, 'get').mockImplementationOnce((name) => {
    queueMicrotask(() => next.create())
    return Map.prototype.get.call(items, name)
  })
  next.hostConnected()
  await next.ready
  expect(next.list).toHaveLength(1)
  expect(next.current.isEmpty).toBe(true)
  await next.leave()
})

test('a new conversation that is begun right after a question is another one', async () => {
  const tab = await open()
  const one = tab.current
  const first = one.ask('One?')
  const two = tab.create()
  await Promise.all([first, two.ask('Two?')])
  await tab.open(one.id)
  expect(tab.current).toBe(one)
  expect([said(one), said(two)]).toEqual([
    ['One?', 'Yes.'],
    ['Two?', 'Yes.'],
  ])
})

/** A tab's, which outlives its page: what is in it. */
function stubSessionStorage(): Map<string, string> {
  const items = new Map<string, string>()
  vi.stubGlobal('sessionStorage', {
    getItem: (name: string) => items.get(name) ?? null,
    setItem: (name: string, value: string) => items.set(name, value),
    removeItem: (name: string) => items.delete(name),
  })
  return items
}

describe('the list', () => {
  test('has the newest first, is searched, and its entries are called, removed and brought back', async () => {
    const tab = await open()
    await tab.current.ask('How do bees dance?\r\nIn detail.')
    const bees = tab.create()
    expect(tab.create()).toBe(bees)
    api.answers = [words('Of water and ', 'HONEY wine.')]
    await tab.current.ask('What is mead made of?')
    expect(tab.list.map(({ title }) => title)).toEqual(['What is mead made of?', 'How do bees dance?'])
    expect(await tab.search('BEES')).toEqual([{ conversation: tab.list[1] }])
    expect(await tab.search('honey')).toEqual([{ conversation: tab.list[0], excerpt: 'Of water and HONEY wine.' }])
    const [{ id }] = tab.list
    await tab.rename(id, ' Mead ')
    expect((await open()).list[0].title).toBe('Mead')
    await tab.remove(id)
    expect(tab.list).toHaveLength(1)
    expect(tab.current.isEmpty).toBe(true)
    expect((await open()).list).toHaveLength(1)
    await tab.undoRemove()
    expect(tab.list[0].title).toBe('Mead')
    await tab.open(id)
    expect(said(tab.current)).toEqual(['What is mead made of?', 'Of water and HONEY wine.'])
  })

  test('has one again whose removal is undone before it is done', async () => {
    api.answers = [begins(`${chunk({ content: 'A' })}\n`)]
    const tab = await open()
    void tab.current.ask('One?')
    await until(() => tab.current.turns.length === 2 && last(tab.current).content)
    const removed = tab.remove(tab.current.id)
    await tab.undoRemove()
    await removed
    expect(tab.list.map(({ title }) => title)).toEqual(['One?'])
    expect((await open()).list).toHaveLength(1)
  })

  test('of another endpoint is another one', async () => {
    await (await open()).current.ask('One?')
    expect((await tabs.open(`${api.url}/`)).list).toEqual([])
  })

  test('of the endpoint before stays there when the endpoint changes', async () => {
    const host = { endpoint: api.url, requestUpdate: () => {} }
    const tab = new Conversations(host)
    tab.hostConnected()
    await tab.ready
    await tab.current.ask('Mine?')
    tab.current.draft = 'Half'
    host.endpoint = api.url.replace('127.0.0.1', 'localhost')
    tab.hostUpdate()
    await tab.ready
    expect(tab.list).toEqual([])
    await tab.leave()
    expect((await tabs.open(host.endpoint)).list).toEqual([])
    expect((await open()).list.map(({ title }) => title)).toEqual(['Mine?'])
  })

  test('that is removed sends no more of its queue', async () => {
    api.answers = [begins(numbered(0, { content: 'A' })), words('Never.')]
    const tab = await open()
    void tab.current.ask('One?')
    await until(() => tab.current.turns.length === 2 && last(tab.current).content)
    await tab.current.ask('Two?')
    await tab.remove(tab.current.id)
    expect(asked()).toHaveLength(1)
    expect(tab.list).toEqual([])
  })

  test('an answer goes on while another conversation is shown', async () => {
    api.answers = [begins(`${chunk({ content: 'A' })}\n`)]
    const tab = await open()
    const one = tab.current
    const answered = one.ask('One?')
    const { response } = await api.answer()
    await until(() => one.turns.length === 2 && last(one).content)
    tab.create()
    expect(tab.list).toMatchObject([{ title: 'One?', answering: true }])
    response.end(end())
    await answered
    await tab.open(one.id)
    expect(last(tab.current)).toMatchObject({ content: 'A', state: 'done' })
  })
})

describe('without a place to keep them', () => {
  test('conversations are kept until the page is left, and the reader is told', async () => {
    vi.stubGlobal('indexedDB', undefined)
    const tab = await open()
    expect(tab.notice).toEqual({ code: 'gone' })
    await tab.current.ask('One?')
    await tab.current.regenerate(last(tab.current).id)
    const first = tab.current.id
    tab.create()
    await tab.current.ask('Two?')
    expect(tab.list).toHaveLength(2)
    await tab.open(first)
    expect(said(tab.current)).toEqual(['One?', 'Yes.'])
    tab.dismissNotice()
    expect(tab.notice).toBeUndefined()
  })

  test('because it is full, the answer goes on, the queue too, and the reader is told', async () => {
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('No more room.', 'QuotaExceededError')
    })
    try {
      api.answers = [begins(`${chunk({ content: 'A' })}\n`), words('B.')]
      const tab = await open()
      const answered = tab.current.ask('One?')
      const { response } = await api.answer()
      await tab.current.ask('Two?')
      response.end(end())
      await answered
      expect(said(tab.current)).toEqual(['One?', 'A', 'Two?', 'B.'])
      expect(tab.notice).toEqual({ code: 'full' })
      expect(tab.list.map(({ title }) => title)).toEqual(['One?'])
    } finally {
      put.mockRestore()
    }
  })
})
