import { Hono } from 'hono'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { listen } from '../support/listen.ts'
import { type Step, words } from '../support/scripted-answer.ts'
import { chunk, end, says, startScriptedApi } from '../widget/scripted-api.ts'
import { describeInChromium, finish } from './chat-page.ts'

const LONG: Step[] = [
  ...words('reasoning_content', 'Let me see.'),
  ...words('content', 'Once upon'),
  'hold',
  ...words('content', ' a time.'),
  finish(7),
]
const answerOf = (page: Page) =>
  expect.poll(async () => (await page.locator('article.assistant .markdown').last().textContent())?.trim())

describeInChromium('what is said', (open) => {
  test('outlives a reload in the middle of an answer, which goes on where it was', async () => {
    const { page, chat, ask } = await open(() => LONG)
    await ask('Tell.')
    await answerOf(page).toBe('Once upon')
    await page.reload()
    await answerOf(page).toBe('Once upon')
    chat.release()
    await answerOf(page).toBe('Once upon a time.')
    await page.reload()
    await answerOf(page).toBe('Once upon a time.')
    expect(chat.requests).toHaveLength(1)
  })

  test('is in both tabs, and the one that stays brings the answer to its end', async () => {
    const { page, chat, ask } = await open(() => LONG)
    await ask('Tell.')
    await answerOf(page).toBe('Once upon')
    const other = await page.context().newPage()
    await other.goto(chat.url)
    await other.getByRole('button', { name: 'Conversations' }).click()
    await other.getByRole('button', { name: 'Tell.', exact: true }).click()
    await answerOf(other).toBe('Once upon')
    await page.close()
    chat.release()
    await answerOf(other).toBe('Once upon a time.')
    expect(chat.requests).toHaveLength(1)
  })

  test('goes on when the element is moved, and when it is put in again', async () => {
    const { page, chat, ask } = await open(() => [
      ...words('content', 'One'),
      'hold',
      ...words('content', ' two'),
      'hold',
      ...words('content', ' three'),
      finish(3),
    ])
    await ask('Count.')
    await answerOf(page).toBe('One')
    await page.evaluate(() => {
      const section = document.createElement('section')
      document.body.append(section)
      section.append(document.querySelector('nanbeige-chat')!)
    })
    chat.release()
    await answerOf(page).toBe('One two')
    await page.evaluate(async () => {
      const chat = document.querySelector('nanbeige-chat')!
      const parent = chat.parentElement!
      chat.remove()
      await new Promise((resolve) => setTimeout(resolve, 100))
      parent.append(chat)
    })
    await answerOf(page).toBe('One two')
    chat.release()
    await answerOf(page).toBe('One two three')
    expect(chat.requests).toHaveLength(1)
  })

  test('is kept until the page is left where nothing can be saved, and the reader is told', async () => {
    const { page, chat, ask } = await open(() => [...words('content', 'Yes.'), finish(1)])
    await page.addInitScript(() => Object.defineProperty(window, 'indexedDB', { value: undefined }))
    await page.goto(chat.url)
    await ask('One?')
    await answerOf(page).toBe('Yes.')
    await ask('Two?')
    await expect.poll(() => chat.requests.length).toBe(2)
    expect(chat.requests[1].body.messages).toHaveLength(3)
    await page
      .getByText(/cannot be saved|not be kept|lost/i)
      .first()
      .waitFor()
  })

  test('is answered when the disk is full, and the reader is told', async () => {
    const { page, chat, ask } = await open(() => [...words('content', 'Yes. '.repeat(50)), finish(1)])
    const devtools = await page.context().newCDPSession(page)
    await devtools.send('Storage.overrideQuotaForOrigin', { origin: chat.url, quotaSize: 1 })
    await ask('One?')
    await answerOf(page).toMatch(/^Yes\./)
    await page
      .getByText(/full|no more room|storage/i)
      .first()
      .waitFor()
  })
})

describeInChromium('a server of another kind', (open) => {
  test('that allows no headers of ours is asked without them, by a page that loads the script twice', async () => {
    const api = await startScriptedApi('Content-Type, Authorization')
    api.answers = [says(`${chunk({ content: 'Yes.' })}\n`, end())]
    const { page, chat, ask } = await open(() => [])
    // Twice, as a page may have it whose parts do not know each other.
    const scripts = ['', '?2'].map((version) => `<script type="module" src="${chat.url}/widget.js${version}"></script>`)
    const html = `${scripts.join('')}<nanbeige-chat endpoint="${api.url}"></nanbeige-chat>`
    const site = await listen(new Hono().get('/', (c) => c.html(html)))
    try {
      await page.goto(site.url)
      await ask('One?')
      await answerOf(page).toBe('Yes.')
      await ask('Two?')
      await expect.poll(() => api.requests.filter(({ method }) => method === 'POST')).toHaveLength(2)
      expect(api.requests.every(({ headers }) => !('x-nanbeige-resumable' in headers))).toBe(true)
    } finally {
      await site.stop()
      await api.stop()
    }
  })
})
