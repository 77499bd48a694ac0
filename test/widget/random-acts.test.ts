import { afterEach, beforeEach, expect, test } from 'vitest'
import { createRandom } from '../../src/generate/random.ts'
import type { Conversations } from '../../src/widget/conversations.ts'
import type { Turn } from '../../src/widget/turns.ts'
import {
  type Answer,
  breaks,
  chunk,
  end,
  numbered,
  refuses,
  type ScriptedApi,
  says,
  startScriptedApi,
} from './scripted-api.ts'
import { Tabs, turnsOf, until } from './tabs.ts'

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

// Two tabs with one conversation, in which readers do what they like while a server does its worst.
test.each(Array.from({ length: 6 }, (_, seed) => seed))(
  'nothing is lost and nothing hangs, whatever happens (%i)',
  async (seed) => {
    const random = createRandom(seed)
    const below = (limit: number) => Math.floor(random() * limit)
    const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]
    const text = () => chunk({ content: 'Yes.' })
    const answers: Answer[] = [
      says(`${text()}\n`, end()),
      says(numbered(0, { content: 'Y' }), numbered(1, { content: 'es.' }), end()),
      says(`${text()}\n`, end('length')),
      breaks(numbered(0, { content: 'Y' })),
      breaks(`${text()}\n`),
      breaks(),
      refuses(429, 'queue_full', 'Full.', { 'Retry-After': '0' }),
      refuses(400, 'invalid_value'),
      says(numbered(0, { reasoning: 'Hm' }), 'data: {"error":{"message":"No.","code":"internal_error"}}\n\n'),
      async (_, response) => {
        response.writeHead(200).write(numbered(0, { content: 'Y' }))
        await new Promise((resolve) => setTimeout(resolve, below(60)))
        response.end(`${numbered(1, { content: 'es.' })}${end()}`)
      },
    ]
    api.answers = [(asked, response) => pick(answers)(asked, response)]
    api.events = (asked, response) =>
      pick([says(numbered(1, { content: 'es.' }), end()), refuses(404, 'completion_not_found'), refuses(502, 'bad')])(
        asked,
        response,
      )

    const first = await tabs.open(api.url)
    await first.current.ask('0')
    const { id } = first.current
    const questions = ['0']
    const open: Conversations[] = [first]
    const doing: Promise<unknown>[] = []
    let removing = false
    const another = async () => {
      const tab = await tabs.open(api.url)
      await tab.open(id).catch(() => {})
      open.push(tab)
    }
    void another()
    const ask = () => {
      questions.push(`${questions.length}`)
      return questions.at(-1)!
    }
    for (let step = 0; step < 40; step++) {
      const tab = pick(open)
      const { current } = tab
      const turns = turnsOf(current)
      if (turns.length === 0) continue
      const turn = pick(turns)
      const acts: (() => unknown)[] = [
        () => current.ask(ask()),
        () => current.ask(ask()),
        () => current.stop(),
        () => current.retry(),
        () => turn.role === 'assistant' && current.regenerate(turn.id),
        () => turn.role === 'user' && current.edit(turn.id, ask()),
        () => current.continueAnswer(turns.at(-1)!.id),
        () => current.switchBranch(turn.id, 0),
        async () => {
          // Undo is of the last one: two at once would leave one deleted.
          if (removing) return
          removing = true
          await current.remove(turn.id)
          await current.undoRemove()
          removing = false
        },
        async () => {
          if (open.length < 2) return another()
          open.splice(open.indexOf(tab), 1)
          await tabs.close(tab)
          await another()
        },
      ]
      doing.push(Promise.resolve(pick(acts)()))
      await new Promise((resolve) => setTimeout(resolve, below(30)))
    }
    await Promise.all(doing)
    for (const { current } of open) await until(() => !current.answering)
    // What failed holds the queue back, until the reader asks for more.
    api.answers = [says(`${text()}\n`, end())]
    await open[0].current.ask(ask())
    const kept = async (): Promise<Turn[]> => JSON.parse(await open[0].exportJson([id])).conversations[0].turns
    const isQuestion = ({ role }: Turn) => role === 'user'
    await expect
      .poll(
        async () =>
          (await kept())
            .filter(isQuestion)
            .map(({ content }) => Number(content))
            .sort(),
        { timeout: 30_000 },
      )
      .toEqual(questions.map(Number).sort())
    for (const { current } of open) await until(() => !current.answering && current.queue.length === 0)
    const turns = await kept()
    const ids = new Set(turns.map(({ id }) => id))
    for (const turn of turns) {
      expect(turn.parent === undefined || ids.has(turn.parent)).toBe(true)
      if (turn.role === 'assistant') expect(turn.state).toMatch(/^(done|stopped|cut|failed)$/)
    }
    for (const { body } of api.requests.filter(({ body }) => body)) {
      expect(body.messages.length).toBeGreaterThan(0)
      for (const { content } of body.messages) expect(content).not.toBe('')
    }
  },
)
