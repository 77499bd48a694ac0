import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Conversation } from '../../src/widget/conversation.ts'
import type { ChatEvent } from '../../src/widget/turns.ts'
import {
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

/** A sign of life, until it has been read: the turn is another object then. */
async function beat(response: ServerResponse): Promise<void> {
  const before = last(current)
  response.write(': \n')
  await until(() => last(current) !== before)
}
const bodies = () => api.requests.filter(({ path }) => path === '/v1/chat/completions').map(({ body }) => body)

const textOf = ({ content }: { content: string }) => content
const paths = () => api.requests.map(({ method, path }) => `${method} ${path}`)

describe('an answer', () => {
  test('grows to its end, with what was thought beside it', async () => {
    api.answers = [
      says(
        `${chunk({ role: 'assistant', content: '' })}\n`,
        `${chunk({ reasoning_content: 'Hm' })}\n${chunk({ reasoning: '.' })}\n`,
        `${chunk({ content: 'No' })}\n${chunk({ content: '.' })}\n${end()}`,
      ),
    ]
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

  test('that is cut while the model reasons has no text, and is asked for again to continue', async () => {
    api.answers = [says(chunk({ reasoning_content: 'Hm' }, { finish: 'length' }), '\ndata: [DONE]\n\n'), words('Yes.')]
    await current.ask('First?')
    expect(last(current)).toMatchObject({ content: '', reasoning: 'Hm', state: 'cut' })
    await current.continueAnswer(last(current).id)
    expect(last(current)).toMatchObject({ content: 'Yes.', reasoning: '', state: 'done' })
    expect(current.turns.at(-1)).toMatchObject({ branch: 1, branches: 2 })
  })

  test('that breaks twice before it begins can still be resumed, where the server has taken our header before', async () => {
    api.answers = [words('Yes.'), breaks(), breaks(), breaks(numbered(0, { content: 'Once' }))]
    api.events = says(numbered(1, { content: ' upon' }), end())
    await current.ask('First?')
    await current.ask('Second?')
    expect(last(current)).toMatchObject({ content: 'Once upon', state: 'done' })
    const posts = api.requests.filter(({ method }) => method === 'POST')
    expect(posts.map(({ headers }) => headers['x-nanbeige-resumable'])).toEqual(['1', '1', '1', '1'])
  })

  test('tells who makes its tokens, where that changes, and how fast', async () => {
    const nanbeige = { source: 'edge', reason: 'default' }
    const moved = { source: 'origin', origin: 'gpu', reason: 'reasoning', edge_tokens: 2 }
    api.answers = [
      begins(`${chunk({ reasoning_content: 'One' }, { nanbeige })}\n${chunk({ reasoning_content: ' two' })}\n`),
    ]
    const asked = current.ask('?')
    const { response } = await api.answer()
    await until(() => last(current).reasoning === 'One two')
    expect(last(current)).toMatchObject({ source: 'edge', began: nanbeige, moving: false, moves: [] })
    response.write(`data: ${JSON.stringify({ id: 'c', choices: [], nanbeige: { event: 'moving', tokens: 2 } })}\n\n`)
    await until(() => last(current).moving)
    response.write(`${chunk({ reasoning_content: ' three' }, { nanbeige: moved })}\n`)
    await until(() => last(current).moves.length)
    const usage = {
      completion_tokens: 9,
      prompt_tokens_details: { cached_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 7 },
      nanbeige: { edge_tokens: 2, origin_tokens: 7, rescued: 'origin' },
    }
    const told = `data: ${JSON.stringify({ choices: [], nanbeige: { event: 'rescued' } })}\n\n`
    response.end(
      `${told}${chunk({ content: 'Four' })}\n${chunk({}, { finish: 'stop' })}\n${chunk({}, { usage })}\ndata: [DONE]\n\n`,
    )
    await asked
    expect(last(current)).toMatchObject({
      state: 'done',
      source: 'origin',
      moving: false,
      moves: [{ to: 'origin', origin: 'gpu', reason: 'reasoning', part: 'reasoning', at: 7, tokens: 2 }],
      events: ['rescued'],
      reasoningTokens: 7,
      answerTokens: 2,
      usage: { edgeTokens: 2, originTokens: 7, cachedTokens: 5, rescued: 'origin' },
    })
    expect(last(current).moves[0].speedBefore).toBeGreaterThan(0)
    expect(last(current).moves[0].speedAfter).toBeGreaterThan(0)
  })

  test('is told to the page while it happens', async () => {
    const events: ChatEvent[] = []
    const page = await tabs.open(api.url, { chatEvent: (event) => events.push(event) })
    api.answers = [
      says(`${chunk({ reasoning: 'Hm' })}\n${chunk({ content: 'Yes' })}\n${end()}`),
      refuses(400, 'invalid_value'),
    ]
    await page.current.ask('One?')
    await page.current.ask('Two?')
    expect(events.map(({ type }) => type)).toEqual(['send', 'reasoning', 'finish', 'send', 'error'])
    api.answers = [begins(`${chunk({ content: 'Yes' })}\n`)]
    const asked = page.current.ask('Three?')
    await until(() => last(page.current).content === 'Yes')
    page.current.stop()
    await asked
    expect(events.at(-1)).toMatchObject({ type: 'finish', turn: { state: 'stopped' } })
    expect(events[2]).toMatchObject({ turn: { content: 'Yes', state: 'done' } })
    expect(events[4]).toMatchObject({ turn: { state: 'failed' }, error: { code: 'invalid_value' } })
  })
})

describe('stop', () => {
  test('keeps what has come, tells the server, and the next question goes with it', async () => {
    api.answers = [begins(numbered(0, { content: 'Once upon' }), '\n'), words('Then.')]
    const asked = current.ask('Tell.')
    await until(() => current.turns.length === 2 && last(current).content)
    current.stop()
    await asked
    expect(last(current)).toMatchObject({ content: 'Once upon', state: 'stopped' })
    expect(current.answering).toBe(false)
    await until(() => paths().includes('POST /v1/chat/completions/c/cancel'))
    await current.ask('And?')
    expect(bodies()[1].messages.map(textOf)).toEqual(['Tell.', 'Once upon', 'And?'])
  })

  test('before the first token leaves nothing for the model', async () => {
    api.answers = [() => {}, words('Yes.')]
    const asked = current.ask('One?')
    await until(() => bodies().length === 1)
    current.stop()
    await asked
    expect(last(current)).toMatchObject({ content: '', state: 'stopped' })
    await current.ask('Two?')
    expect(bodies()[1].messages).toHaveLength(2)
  })

  test('of a server that cannot resume is told to nobody', async () => {
    api.answers = [begins(`${chunk({ content: 'Once' })}\n`)]
    const asked = current.ask('Tell.')
    await until(() => current.turns.length === 2 && last(current).content)
    current.stop()
    await asked
    expect(paths()).toEqual(['POST /v1/chat/completions'])
  })

  test('by somebody else at the server is no error', async () => {
    api.answers = [
      says(`${chunk({ content: 'Once' })}\n`, 'data: {"error":{"code":"cancelled","message":"It was."}}\n\n'),
    ]
    await current.ask('Tell.')
    expect(last(current)).toMatchObject({ content: 'Once', state: 'stopped', error: undefined })
  })
})

test('answer now asks the server, where it can', async () => {
  api.answers = [begins(numbered(0, { reasoning_content: 'Hm' }))]
  expect(await current.answerNow()).toBe(false)
  const asked = current.ask('?')
  await until(() => current.turns.length === 2 && last(current).reasoning)
  expect(await current.answerNow()).toBe(true)
  expect(paths()).toContain('POST /v1/chat/completions/c/answer')
  current.stop()
  await asked
})

describe('a connection that breaks', () => {
  test('is taken up after the last event', async () => {
    api.answers = [breaks(numbered(0, { content: 'Once' }), numbered(1, { content: ' upon' }), 'data: {"id"')]
    const back = Promise.withResolvers<void>()
    api.events = async (_, response) => {
      await back.promise
      says(numbered(2, { content: ' a time.' }), end())(_, response)
    }
    const asked = current.ask('Tell.')
    await until(() => current.turns.length === 2 && last(current).state === 'reconnecting')
    expect(last(current)).toMatchObject({ content: 'Once upon', answerTokens: 2 })
    back.resolve()
    await asked
    expect(last(current)).toMatchObject({ content: 'Once upon a time.', state: 'done' })
    expect(api.requests.at(-1)).toMatchObject({
      path: '/v1/chat/completions/c/events',
      headers: { 'last-event-id': 'c:1' },
    })
  })

  test('again and again, and behind errors of proxies', async () => {
    api.answers = [breaks(numbered(0, { content: '0' }))]
    let position = 0
    api.events = (asked, response) => {
      position++
      if (position % 2) refuses(502, 'bad_gateway')(asked, response)
      else if (position < 6) breaks(numbered(position, { content: `${position}` }))(asked, response)
      else says(numbered(position, { content: '.' }), end())(asked, response)
    }
    await current.ask('Count.')
    expect(last(current)).toMatchObject({ content: '024.', state: 'done' })
  })

  test('after the last word of the answer does not hurt it', async () => {
    api.answers = [breaks(numbered(0, { content: 'Yes.' }), numbered(1, {}, { finish: 'stop' }))]
    await current.ask('?')
    expect(last(current)).toMatchObject({ content: 'Yes.', state: 'done', error: undefined })
  })

  test('of a server that does not know it any more is told, and continued', async () => {
    api.answers = [
      breaks(numbered(0, { reasoning_content: 'Hm' }), numbered(1, { content: 'Once' })),
      words(' upon', ' a time.'),
    ]
    await current.ask('Tell.')
    expect(last(current)).toMatchObject({
      content: 'Once',
      state: 'failed',
      error: { code: 'completion_lost', kind: 'lost', message: expect.stringContaining('restarted') },
    })
    await current.continueAnswer(last(current).id)
    expect(last(current)).toMatchObject({
      content: 'Once upon a time.',
      reasoning: 'Hm',
      state: 'done',
      error: undefined,
    })
    expect(current.turns).toHaveLength(2)
    expect(bodies()[1]).toMatchObject({
      messages: [
        { role: 'user', content: 'Tell.' },
        { role: 'assistant', content: 'Once' },
      ],
      continue_final_message: true,
      add_generation_prompt: false,
    })
  })

  test('of a server that cannot resume keeps what has come, and a retry what is there until there is better', async () => {
    api.answers = [
      breaks(`${chunk({ content: 'Once' })}\n`),
      refuses(400, 'invalid_value'),
      breaks(),
      breaks(),
      breaks(),
      words('Now.'),
    ]
    await current.ask('Tell.')
    expect(last(current)).toMatchObject({
      content: 'Once',
      state: 'failed',
      error: { code: 'interrupted', kind: 'lost' },
    })
    await current.retry()
    expect(last(current)).toMatchObject({ content: 'Once', state: 'failed', error: { code: 'invalid_value' } })
    await current.retry()
    expect(current.turns.at(-1)).toMatchObject({
      branches: 1,
      turn: { content: 'Once', error: { kind: 'connection' } },
    })
    const asked = current.retry()
    expect(last(current)).toMatchObject({ content: 'Once', state: 'waiting' })
    await asked
    expect(current.turns.at(-1)).toMatchObject({ branch: 1, branches: 2, turn: { content: 'Now.', state: 'done' } })
    current.switchBranch(last(current).id, 0)
    expect(said(current)).toEqual(['Tell.', 'Once'])
    // What is there goes to nobody but the reader.
    expect(
      bodies()
        .slice(1)
        .every(({ messages }) => messages.length === 1),
    ).toBe(true)
  })

  test('before its first event is asked for again, twice by itself', async () => {
    api.answers = [breaks(), breaks(), words('One.'), breaks(), breaks(), breaks(), words('Two.')]
    await current.ask('One?')
    expect(said(current)).toEqual(['One?', 'One.'])
    await current.ask('Two?')
    expect(last(current)).toMatchObject({ content: '', state: 'failed', error: { kind: 'connection' } })
    await current.retry()
    expect(current.turns.at(-1)).toMatchObject({ branches: 1, turn: { content: 'Two.', state: 'done' } })
  })
})

describe('silence', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('where heartbeats came is told from thinking, and ended by another connection', async () => {
    api.answers = [begins(numbered(0, { content: 'Once' }))]
    api.events = says(numbered(1, { content: ' upon' }), end())
    const asked = current.ask('Tell.')
    const { response } = await api.answer()
    await until(() => last(current).content === 'Once')
    await beat(response)
    expect(last(current).stalled).toBe(false)
    await vi.advanceTimersByTimeAsync(5_100)
    expect(last(current)).toMatchObject({ stalled: true, state: 'streaming' })
    await vi.advanceTimersByTimeAsync(5_100)
    await until(() => last(current).state === 'reconnecting')
    expect(last(current).stalled).toBe(false)
    await vi.advanceTimersByTimeAsync(1_000)
    await asked
    expect(last(current)).toMatchObject({ content: 'Once upon', state: 'done' })
  })

  test('of a server without heartbeats is told, and waited for', async () => {
    api.answers = [begins(`${chunk({ content: 'Once' })}\n`)]
    const asked = current.ask('Tell.')
    const { response } = await api.answer()
    await until(() => last(current).content === 'Once')
    await vi.advanceTimersByTimeAsync(31_000)
    expect(last(current).stalled).toBe(true)
    await vi.advanceTimersByTimeAsync(120_000)
    response.end(`${chunk({ content: ' upon' })}\n${end()}`)
    await asked
    expect(last(current)).toMatchObject({ content: 'Once upon', state: 'done', stalled: false })
  })
})
