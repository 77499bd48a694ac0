import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { ApiError } from '../../src/http/errors.ts'
import { type Step, words } from '../support/scripted-answer.ts'
import { describeInChromium, finish } from './chat-page.ts'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) {
    // As a string: the page's policy lets no script in that is not its own.
    await page.evaluate(await readFile(AXE, 'utf8'))
  }
  // What fades in is not there yet.
  const moving = () =>
    page.evaluate(async () => {
      await new Promise(requestAnimationFrame)
      const animations = document.querySelector('nanbeige-chat')!.shadowRoot!.getAnimations()
      return animations.filter(({ effect }) => effect!.getComputedTiming().iterations !== Infinity).length
    })
  await expect.poll(moving).toBe(0)
  const { violations } = await page.evaluate(() =>
    (window as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
      resultTypes: ['violations'],
    }),
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary}`),
  )
}

const THINK = words('reasoning_content', 'The reader asks. I know the answer.')
const RICH = words(
  'content',
  '# A title\n\nText with [a link](https://example.com) and `code`.\n\n```js\nlet x = 1\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n- two',
)
const MOVE: Step = { nanbeige: { event: 'moving', tokens: 8 } }

describeInChromium('access', (open) => {
  for (const width of [1000, 320]) {
    test(`axe finds nothing in any state, ${width} px wide`, async () => {
      const { ask, answers, button, sees, chat, page, set } = await open(
        (question) => {
          if (question === 'error') return [new ApiError(400, 'bad', 'That cannot be asked.')]
          if (question === 'key') return [new ApiError(401, 'invalid_api_key', 'This server wants a key.')]
          if (question === 'tool') {
            const call = { index: 0, id: 'c', type: 'function', function: { name: 'look', arguments: '{"at":"it"}' } }
            return [{ delta: { tool_calls: [call] } }, { finish: 'tool_calls' }]
          }
          return [...THINK, 'hold', ...RICH, MOVE, 'hold', ...words('content', '\n\nThe end.'), finish(60, 4, 7)]
        },
        { width },
      )
      await page.getByRole('heading', { name: 'Nanbeige4 3B Thinking' }).waitFor()
      await set({ suggestions: ['Why is the sky blue?'] })
      await button('Why is the sky blue?').waitFor()
      expect(await violations(page)).toEqual([])
      await ask('Why?')
      await button('Answer now').waitFor()
      await page.locator('.thinking summary').click()
      await page.getByRole('region', { name: 'Thoughts' }).waitFor()
      await ask('waits')
      await button('Remove').waitFor()
      expect(await violations(page)).toEqual([])
      await button('Remove').click()
      await page.getByLabel('Message', { exact: true }).fill('')
      chat.release()
      await sees('Moving to GPU …')
      expect(await violations(page)).toEqual([])
      chat.release()
      await page.locator('.facts summary').click()
      expect(await violations(page)).toEqual([])
      await button('Edit').click()
      await page.getByLabel('Edit the message').waitFor()
      await answers.getByRole('button', { name: 'Delete' }).click()
      await button('Undo').waitFor()
      expect(await violations(page)).toEqual([])
      await ask('error')
      await page.getByRole('alert').waitFor()
      await ask('key')
      await page.getByLabel('API key').waitFor()
      expect(await violations(page)).toEqual([])
      await page.evaluate(() => {
        Object.assign(document.querySelector('nanbeige-chat')!, { tools: [{ name: 'look', run: () => 'seen' }] })
      })
      await button('New chat').click()
      await ask('tool')
      await button('Allow once').waitFor()
      expect(await violations(page)).toEqual([])
      await button('Conversations').click()
      await page.getByRole('dialog').waitFor()
      expect(await violations(page)).toEqual([])
    })
  }

  test('thinking, moving and done are announced once each, and no token is', async () => {
    const { ask, chat, sees, page, log } = await open(() => [
      ...THINK,
      'hold',
      ...words('content', 'Here it is'),
      'hold',
      MOVE,
      'hold',
      ...words('content', ' and there.'),
      finish(10, 2, 7),
    ])
    await page.evaluate(() => {
      const said: string[] = []
      Object.assign(window, { said })
      const status = document.querySelector('nanbeige-chat')!.shadowRoot!.querySelector('.announcer')!
      new MutationObserver(() => said.push(status.textContent!.trim())).observe(status, {
        characterData: true,
        childList: true,
        subtree: true,
      })
    })
    await ask('Why?')
    await page.locator('.thinking.now').waitFor()
    chat.release()
    await sees('Answering')
    chat.release()
    await sees('Moving to GPU …')
    chat.release()
    await sees('The answer is complete.')
    const said = await page.evaluate(() => (window as unknown as { said: string[] }).said)
    expect(said).toEqual(['Thinking', 'Answering', 'Moving to GPU …', 'The answer is complete.'])
    expect(await log.getAttribute('aria-live')).toBe('off')
  })

  test('everything can be done with the keyboard alone', async () => {
    const { page, chat, sees, message, button } = await open((question) => [
      ...words('reasoning_content', 'Hm.'),
      'hold',
      ...words('content', `You said ${question}.`),
      finish(4, 0, 1),
    ])
    const focused = () =>
      page.evaluate(() => {
        const { activeElement } = document
        const element = activeElement!.shadowRoot?.activeElement ?? activeElement!
        return element.getAttribute('aria-label') ?? element.textContent!.trim().replace(/\s+/g, ' ')
      })
    const tabTo = async (name: string, key = 'Tab') => {
      for (let count = 0; count < 25; count++) {
        await page.keyboard.press(key)
        if ((await focused()).startsWith(name)) return
      }
      throw new Error(`${name} is not reached`)
    }
    await message.focus()
    await page.keyboard.type('one')
    await page.keyboard.press('Enter')
    await page.locator('.thinking.now').waitFor()
    await tabTo('Answer now', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await sees('You said one.')
    await button('Answer anew').waitFor()
    await message.focus()
    await tabTo('Answer anew', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await expect.poll(() => chat.requests.length).toBe(2)
    await page.locator('.thinking.now').waitFor()
    chat.release()
    await button('Answer anew').waitFor()
    await sees('2 / 2')
    await message.focus()
    await tabTo('Edit', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await expect.poll(focused).toBe('Edit the message')
    await page.keyboard.type(' more')
    await page.keyboard.press('Enter')
    await expect.poll(() => chat.requests.length).toBe(3)
    await page.locator('.thinking.now').waitFor()
    chat.release()
    await sees('You said one more.')
    await button('Answer anew').waitFor()
    // What was pressed is gone; the focus is not.
    await message.focus()
    await tabTo('Delete', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await expect.poll(() => message.evaluate((input) => input.matches(':focus'))).toBe(true)
    await tabTo('Undo', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await expect.poll(() => message.evaluate((input) => input.matches(':focus'))).toBe(true)
    await sees('You said one more.')
    await tabTo('Thought for', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('region', { name: 'Thoughts' }).waitFor()
    await tabTo('Conversations', 'Shift+Tab')
    await page.keyboard.press('Enter')
    await page.getByRole('searchbox').waitFor()
    await expect.poll(focused).toBe('Search')
    await tabTo('one')
    await page.keyboard.press('Enter')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    await expect.poll(() => message.evaluate((input) => input.matches(':focus'))).toBe(true)
  })

  test('nothing moves for who wants no motion, pseudo-elements included', async () => {
    const { ask, page, chat } = await open(() => [...THINK, 'hold', ...words('content', 'The end'), 'hold'], {
      reducedMotion: true,
    })
    const running = () =>
      page.evaluate(() => document.getAnimations().map((animation) => (animation as CSSAnimation).animationName))
    const inside = () =>
      page.evaluate(() => document.querySelector('nanbeige-chat')!.shadowRoot!.getAnimations().length)
    await ask('Why?')
    await page.locator('.thinking.now').waitFor()
    expect([await running(), await inside()]).toEqual([[], 0])
    chat.release()
    await page.locator('.streaming').waitFor()
    expect([await running(), await inside()]).toEqual([[], 0])
  })

  test('headings go down by one; buttons have at least 24 px; the composer has a border of 3:1', async () => {
    const { ask, page, sees } = await open(() => [...THINK, ...RICH, finish(60, 4, 7)], { width: 320 })
    await ask('Why?')
    await sees('A title')
    await page.locator('.facts').waitFor()
    const { levels, small } = await page.evaluate(() => {
      const root = document.querySelector('nanbeige-chat')!.shadowRoot!
      const levels = [...root.querySelectorAll('h1, h2, h3, h4, h5, h6')].map((heading) =>
        Number(heading.getAttribute('aria-level') ?? heading.tagName[1]),
      )
      const small = [...root.querySelectorAll('button, select, summary')]
        .filter((element) => (element as HTMLElement).checkVisibility())
        .map(
          (element) =>
            [element.getAttribute('aria-label') ?? element.textContent, element.getBoundingClientRect()] as const,
        )
        .filter(([, { width, height }]) => width < 24 || height < 24)
        .map(([name]) => name)
      return { levels, small }
    })
    expect(small).toEqual([])
    expect(levels).toEqual([2, 3, 3, 4])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const ratio = () =>
        page.evaluate(() => {
          const box = document.querySelector('nanbeige-chat')!.shadowRoot!.querySelector('.box')!
          const { borderTopColor, backgroundColor } = getComputedStyle(box)
          const luminance = (color: string) => {
            const [r, g, b] = color.match(/[\d.]+/g)!.map((part) => {
              const value = Number(part) / 255
              return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
            })
            return 0.2126 * r + 0.7152 * g + 0.0722 * b
          }
          const [a, b] = [luminance(borderTopColor), luminance(backgroundColor)].sort((a, b) => b - a)
          return (a + 0.05) / (b + 0.05)
        })
      await expect.poll(ratio).toBeGreaterThan(3)
    }
  })

  test('it speaks Chinese on a Chinese page, and a page may have words of its own', async () => {
    const { page, set } = await open(() => [...words('content', '好'), finish(1)])
    await page.evaluate(() => {
      document.documentElement.lang = 'zh-CN'
      document.querySelector('nanbeige-chat')!.replaceWith(document.createElement('nanbeige-chat'))
    })
    await page.getByText('想了解什么？').waitFor()
    await page.getByLabel('消息').fill('你好')
    await page.getByLabel('消息').press('Enter')
    await page.getByRole('button', { name: '重新回答' }).waitFor()
    await set({ texts: { regenerate: 'Noch einmal' } })
    await page.getByRole('button', { name: 'Noch einmal' }).waitFor()
  })

  test('what went wrong is said in Chinese where that is known, with the words of the server beside it', async () => {
    const { page, sees } = await open(
      (question) => [
        question === 'known'
          ? new ApiError(400, 'context_length_exceeded', 'The prompt has 9000 tokens, 4096 fit.')
          : new ApiError(400, 'unheard_of', 'Nobody knows why.'),
      ],
      { language: 'zh-CN' },
    )
    const ask = async (question: string) => {
      await page.getByLabel('消息').fill(question)
      await page.getByLabel('消息').press('Enter')
    }
    await ask('known')
    await sees('对话太长，模型读不下。')
    await sees('The prompt has 9000 tokens, 4096 fit.')
    await ask('unknown')
    await sees('Nobody knows why.')
    // What the widget itself says is said once.
    await page.route('**/v1/chat/completions', (route) => route.abort())
    await ask('lost')
    await sees('无法连接服务器。请检查网络。')
    expect(await page.getByText('The server cannot be reached.').count()).toBe(0)
  })

  test('focus() of the element is in the composer, and autofocus on a page is', async () => {
    const { page, message } = await open(() => [])
    const hasFocus = () => message.evaluate((input) => input.matches(':focus'))
    await page.evaluate(() => (document.querySelector('nanbeige-chat') as HTMLElement).focus())
    expect(await hasFocus()).toBe(true)
    // Of one that is not drawn yet, too.
    await page.evaluate(() => {
      const chat = document.createElement('nanbeige-chat')
      document.querySelector('nanbeige-chat')!.replaceWith(chat)
      chat.focus()
    })
    await expect.poll(hasFocus).toBe(true)
    await page.evaluate(() => {
      const chat = document.createElement('nanbeige-chat')
      chat.setAttribute('autofocus', '')
      document.querySelector('nanbeige-chat')!.replaceWith(chat)
    })
    await expect.poll(hasFocus).toBe(true)
  })
})
