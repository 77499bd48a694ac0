import type { Page } from 'playwright-core'
import { ApiError } from '../../src/http/errors.ts'
import { type Step, words } from '../../test/support/scripted-answer.ts'
import type { Script, ScriptedChat } from '../../test/support/scripted-chat.ts'
import { CHINESE, CODE, LONG_ANSWER, RICH, THOUGHTS, WEATHER } from './texts.ts'

export interface Scene {
  readonly name: string
  /** Language of the page; left out: English. */
  readonly lang?: string
  readonly script: Script
  /** Brings the page to what the picture shows. */
  act(stage: Stage): Promise<void>
}

/** What a scene can do. */
export interface Stage {
  readonly page: Page
  readonly api: ScriptedChat
  ask(question: string): Promise<void>
  /** Until the element says this. */
  sees(text: string | RegExp): Promise<void>
  /** So many seconds go by on the page's clock. */
  pass(seconds: number): Promise<void>
  press(button: string | RegExp): Promise<void>
}

const edge = { source: 'edge', reason: 'may-get-long', edge_tokens: 0 }
const gpu = { source: 'origin', origin: 'gpu', reason: 'budget', edge_tokens: 256 }

/** Words that the origin makes, the first of which says so. */
function fromOrigin(field: 'reasoning_content' | 'content', text: string): Step[] {
  const [first, ...rest] = words(field, text)
  return [{ ...(first as { delta: object }), nanbeige: gpu }, ...rest]
}

function usage(edgeTokens: number, originTokens: number): object {
  const route = {
    route: 'edge-then-origin',
    reason: 'may-get-long',
    edge_tokens: edgeTokens,
    origin_tokens: originTokens,
  }
  const completion_tokens = edgeTokens + originTokens
  return { prompt_tokens: 31, completion_tokens, total_tokens: 31 + completion_tokens, nanbeige: route }
}

const done = (edgeTokens: number, originTokens: number): Step => ({
  finish: 'stop',
  usage: usage(edgeTokens, originTokens),
})

const start: Step = { delta: { reasoning_content: 'Okay.' }, nanbeige: edge }

export const scenes: readonly Scene[] = [
  {
    name: 'empty',
    script: () => [],
    act: ({ page }) => page.getByRole('textbox').first().waitFor(),
  },
  {
    name: 'rich-answer',
    script: () => [...words('content', RICH), 'hold', done(212, 0)],
    async act({ ask, sees, pass, api }) {
      await ask('How do I sum squares, and how large does it get?')
      await sees('grows with the cube')
      await pass(14)
      api.release()
      await sees('212 edge tokens')
    },
  },
  {
    name: 'thinking-closed',
    script: () => [start, ...words('reasoning_content', THOUGHTS), 'hold'],
    async act({ ask, sees, pass }) {
      await ask('Is 9.11 larger than 9.8?')
      await sees('Thinking')
      await pass(9)
    },
  },
  {
    name: 'thinking-open',
    script: () => [start, ...words('reasoning_content', THOUGHTS), 'hold'],
    async act({ page, ask, sees, pass }) {
      await ask('Is 9.11 larger than 9.8?')
      await sees('Thinking')
      await pass(9)
      await page.locator('summary').click()
    },
  },
  {
    name: 'moving',
    script: () => [
      start,
      ...words('reasoning_content', THOUGHTS),
      { nanbeige: { event: 'moving', tokens: 256 } },
      'hold',
    ],
    async act({ ask, sees, pass }) {
      await ask('Is 9.11 larger than 9.8?')
      await sees('Thinking')
      await pass(9)
    },
  },
  {
    name: 'moved',
    script: () => [
      start,
      ...words('reasoning_content', THOUGHTS),
      'hold',
      { delta: { content: 'Short version first.' } },
      ...words('content', ` ${LONG_ANSWER[0]}`),
      'hold',
      { nanbeige: { event: 'moving', tokens: 256 } },
      ...fromOrigin('content', `\n\n${LONG_ANSWER[1]}`),
      'hold',
      done(256, 1904),
    ],
    async act({ ask, sees, pass, api }) {
      await ask('Explain why the sky is blue, at length.')
      await sees('Thinking')
      await pass(21)
      api.release()
      await sees(LONG_ANSWER[0].slice(-24))
      await pass(12)
      api.release()
      await sees(LONG_ANSWER[1].slice(-24))
      await pass(8)
      api.release()
      await sees('1,904 GPU')
    },
  },
  {
    name: 'reconnecting',
    script: () => [...words('content', LONG_ANSWER[0]), 'hold', 'offline', 'hold'],
    async act({ ask, sees, api }) {
      await ask('Explain why the sky is blue, at length.')
      await sees(LONG_ANSWER[0].slice(-24))
      api.release()
      await sees(/Reconnecting/)
    },
  },
  {
    name: 'tool-card',
    script: (_, { messages }) => {
      if (messages.at(-1)!.role === 'tool') return [...words('content', WEATHER), done(96, 0)]
      const call = (id: string, name: string, args: object, index: number) => ({
        index,
        id,
        type: 'function',
        function: { name, arguments: JSON.stringify(args) },
      })
      const calls = [
        call('call_1', 'get_weather', { city: 'Chengdu', days: 2 }, 0),
        call('call_2', 'book_table', { place: 'Chen Mapo Tofu', people: 2, at: '19:30' }, 1),
      ]
      return [...words('content', 'I look it up.'), { delta: { tool_calls: calls } }, { finish: 'tool_calls' }]
    },
    async act({ page, ask }) {
      await page.locator('nanbeige-chat').evaluate((chat) => {
        const parameters = { type: 'object', properties: { city: { type: 'string' } } }
        const weather = { temperature: 21, sky: 'clear', wind: { speed: 3, from: 'NE' } }
        Object.assign(chat, {
          tools: [
            { name: 'get_weather', parameters, allowed: true, run: () => weather },
            { name: 'book_table', parameters, run: () => 'booked' },
          ],
        })
      })
      await ask('How is the weather in Chengdu, and can we eat out?')
      await page.getByRole('button', { name: 'Allow once' }).waitFor()
      await page.getByText('get_weather').click()
    },
  },
  {
    name: 'branch',
    script: (_question, _body, before) => [
      ...words('content', before > 0 ? CODE : LONG_ANSWER[0]),
      'hold',
      done(64, 0),
    ],
    async act({ page, api, ask, sees, pass, press }) {
      await ask('Why is the sky blue?')
      await sees(LONG_ANSWER[0].slice(-24))
      await pass(4)
      api.release()
      await press('Answer anew')
      await sees('scattered(450)')
      await pass(4)
      api.release()
      await page.getByText('2 / 2').waitFor()
    },
  },
  {
    name: 'error',
    script: () => [
      new ApiError(429, 'queue_full', 'The model is busy and 16 requests are waiting already.', {
        headers: { 'Retry-After': '12' },
      }),
    ],
    async act({ ask, page }) {
      await ask('Why is the sky blue?')
      await page.getByText(/busy/).waitFor()
    },
  },
  {
    name: 'broken-off',
    script: () => [
      ...words('content', LONG_ANSWER[0]),
      new ApiError(502, 'origins_failed', 'No server could go on with this answer.'),
    ],
    async act({ ask, sees }) {
      await ask('Why is the sky blue?')
      await sees('could go on')
    },
  },
  {
    name: 'chinese',
    lang: 'zh',
    script: () => [
      start,
      ...words('reasoning_content', '用户想知道天空为什么是蓝色的。'),
      ...words('content', CHINESE),
      'hold',
      done(188, 0),
    ],
    async act({ api, ask, sees, pass }) {
      await ask('天空为什么是蓝色的？')
      await sees('红色')
      await pass(12)
      api.release()
      await sees(/188/)
    },
  },
]
