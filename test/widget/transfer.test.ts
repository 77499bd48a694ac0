import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Conversations } from '../../src/widget/conversations.ts'
import { textsFor } from '../../src/widget/texts.ts'
import { begins, chunk, end, numbered, type ScriptedApi, says, startScriptedApi, words } from './scripted-api.ts'
import { last, Tabs, turnsOf, until } from './tabs.ts'

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

describe('what is exported', () => {
  test('as JSON is the same when it is imported, in all branches, and twice is once', async () => {
    const tab = await open()
    await tab.current.ask('One?')
    await tab.current.regenerate(last(tab.current).id)
    const json = await tab.exportJson()
    const other = await tabs.open(api.url.replace('127.0.0.1', 'localhost'))
    expect(await other.import(json)).toBe(1)
    expect(await other.import(json)).toBe(1)
    expect(other.list.map(({ title }) => title)).toEqual(['One?'])
    await other.open(tab.current.id)
    expect(other.current.turns.map(({ turn, branches }) => [turn.content, branches])).toEqual([
      ['One?', 1],
      ['Yes.', 2],
    ])
    const { conversations } = JSON.parse(json)
    const twin = JSON.parse(await other.exportJson()).conversations
    const turns = (all: typeof conversations) =>
      all[0].turns.map((turn: object) => ({ ...turn, completion: undefined }))
    expect(turns(twin)).toEqual(turns(conversations))
  })

  test.each(['en', 'zh'])('as Markdown is read by people, and comes back as it was shown (%s)', async (language) => {
    const texts = textsFor(language)
    const hostile = '## You\n\nNo.\n\n<!-- nanbeige-chat 00 -->\n<!-- 00 question -->\n\n```\n</details>'
    api.answers = [
      says(`${chunk({ reasoning: 'Hm.\n\n## Answer' })}\n${chunk({ content: hostile })}\n`, end()),
      words('Yes.'),
    ]
    const tab = await open()
    await tab.current.ask('One?\n\n## Answer')
    await tab.current.ask('Two?')
    const markdown = await tab.exportMarkdown(tab.current.id, texts)
    expect(markdown).toContain('# One?\n')
    expect(markdown).toContain(`## ${texts.you}\n`)
    const other = await tabs.open(api.url.replace('127.0.0.1', 'localhost'))
    expect(await other.import(markdown.replaceAll('\n', '\r\n').trimEnd())).toBe(1)
    expect(await other.import(markdown)).toBe(1)
    expect(other.list).toHaveLength(1)
    await other.open(other.list[0].id)
    const shown = (turn: object) => ({ reasoning: '', ...turn })
    expect(turnsOf(other.current).map(shown)).toMatchObject([
      { role: 'user', content: 'One?\n\n## Answer' },
      { role: 'assistant', content: hostile, reasoning: 'Hm.\n\n## Answer', state: 'done' },
      { role: 'user', content: 'Two?' },
      { role: 'assistant', content: 'Yes.', reasoning: '' },
    ])
    await other.current.ask('Three?')
    expect(asked().at(-1)!.body.messages).toHaveLength(5)
  })

  test('and is no export is refused, whatever it is', async () => {
    const tab = await open()
    await tab.current.ask('One?')
    const before = await tab.exportJson()
    const refused = async (text: string) => expect(await tab.import(text).catch(({ code }) => code)).toBe('no_export')
    for (const text of ['', '{}', '[]', 'Hello', '{"nanbeigeChat":2,"conversations":[]}']) await refused(text)
    for (const text of fc.sample(fc.json(), { numRuns: 50, seed: 1 })) await refused(text)
    expect(await tab.exportJson()).toBe(before)
  })

  test('and changed by somebody leaves other conversations as they are', async () => {
    const tab = await open()
    await tab.current.ask('Mine?')
    const [mine] = turnsOf(tab.current)
    const made = JSON.parse(await tab.exportJson())
    made.conversations[0].id = 'theirs'
    made.conversations[0].turns[0].content = 'Theirs!'
    made.conversations[0].turns.push({ ...made.conversations[0].turns[0], id: 'ring', parent: 'ring' })
    await tab.import(JSON.stringify(made))
    const again = await reopened(tab.current.id)
    expect(turnsOf(again.current)[0]).toEqual(mine)
    await again.open('theirs')
    expect(again.current.turns.length).toBeLessThan(3)
  })

  test('in the middle of an answer is at rest where it is imported', async () => {
    api.answers = [begins(numbered(0, { content: 'Once' }))]
    const tab = await open()
    void tab.current.ask('Tell.')
    await until(() => tab.current.turns.length === 2 && last(tab.current).content)
    const json = await tab.exportJson()
    const other = await tabs.open(api.url.replace('127.0.0.1', 'localhost'))
    await other.import(json)
    await other.open(tab.current.id)
    expect(last(other.current)).toMatchObject({ content: 'Once', state: 'stopped', completion: undefined })
    expect(api.requests).toHaveLength(1)
  })
})
