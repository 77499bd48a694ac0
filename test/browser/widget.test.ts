import { mkdtemp, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startServer } from '../support/server.ts'
import { atRest } from './chat-page.ts'
import { chromiumPath, launchChromium } from './chromium.ts'

const COMPLETIONS = '**/v1/chat/completions'

describe.skipIf(!chromiumPath)('the widget in Chromium (needs one: set CHROMIUM to its path)', () => {
  let server: Awaited<ReturnType<typeof startServer>>
  let browser: Browser
  let page: Page
  let pageErrors: Error[]

  beforeAll(async () => {
    server = await startServer()
    browser = await launchChromium()
  })

  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })

  beforeEach(async () => {
    page = await browser.newPage()
    pageErrors = []
    page.on('pageerror', (error) => pageErrors.push(error))
    await page.goto(server.url)
  })

  afterEach(async () => {
    await page.close()
    expect(pageErrors).toEqual([])
  })

  const message = () => page.getByLabel('Message')
  const button = (name: string) => page.getByRole('button', { name })
  const answer = () => page.locator('article.assistant .markdown').last()

  const textOf = async (locator: Locator) => (await locator.textContent())!.trim()

  async function ask(question: string) {
    await message().fill(question)
    await message().press('Enter')
  }

  /** Resolves to the answer's text once it is longer than this many characters. */
  async function answerLongerThan(length: number): Promise<string> {
    await page.waitForFunction((length) => {
      const answers = document
        .querySelector('nanbeige-chat')
        ?.shadowRoot?.querySelectorAll('article.assistant .markdown')
      return ([...(answers ?? [])].at(-1)?.textContent?.trim().length ?? 0) > length
    }, length)
    return await textOf(answer())
  }

  /** Answers requests in the model's place, with texts or other deltas. */
  async function script(...deltas: (string | object)[]) {
    const chunk = (delta: object, finish_reason: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`
    const chunks = deltas.map((delta) => chunk(typeof delta === 'string' ? { content: delta } : delta))
    const body = `${chunks.join('')}${chunk({}, 'stop')}data: [DONE]\n\n`
    await page.route(COMPLETIONS, (route) => route.fulfill({ contentType: 'text/event-stream', body }))
  }

  test('an answer grows, is stopped and stays, and the next question can be asked', async () => {
    await ask('Tell me a long story about a fox, a river and a mountain.')
    await expect.poll(() => message().inputValue()).toBe('')
    const first = await answerLongerThan(0)
    await answerLongerThan(first.length)

    await button('Stop').click()
    await page.locator('.note').getByText('Stopped.').waitFor()
    const stopped = await atRest(page, () => textOf(answer()))
    expect(stopped).not.toBe('')

    const screenshot = join(await mkdtemp(join(tmpdir(), 'widget-')), 'stopped.png')
    await page.screenshot({ path: screenshot })
    expect((await stat(screenshot)).size).toBeGreaterThan(1000)

    await ask('And what did the fox say?')
    await page.waitForFunction(() => {
      const answers = document
        .querySelector('nanbeige-chat')!
        .shadowRoot!.querySelectorAll('article.assistant .markdown')
      return answers.length === 2 && answers[1].textContent!.trim() !== ''
    })
    expect(await page.locator('article.user').count()).toBe(2)
    await expect.poll(() => textOf(page.locator('article.assistant .markdown').first())).toBe(stopped)
  })

  test('Shift+Enter makes a line, Enter sends it', async () => {
    await script('Understood.')
    await message().fill('one')
    await message().press('Shift+Enter')
    await message().pressSequentially('two')
    expect(await page.locator('article').count()).toBe(0)
    const request = page.waitForRequest(COMPLETIONS)
    await message().press('Enter')
    expect((await request).postDataJSON().messages).toEqual([{ role: 'user', content: 'one\ntwo' }])
    await page.getByText('Understood.').waitFor()
  })

  test('the conversation so far goes with the next question, until a new chat', async () => {
    await script('Yes.')
    await ask('First?')
    await page.getByText('Yes.').waitFor()
    const second = page.waitForRequest(COMPLETIONS)
    await button('Send').waitFor()
    await ask('Second?')
    expect((await second).postDataJSON().messages).toEqual([
      { role: 'user', content: 'First?' },
      { role: 'assistant', content: 'Yes.' },
      { role: 'user', content: 'Second?' },
    ])
    await button('Send').waitFor()
    await button('New chat').click()
    await page.getByText('What would you like to know?').first().waitFor()
    const third = page.waitForRequest(COMPLETIONS)
    await ask('Third?')
    expect((await third).postDataJSON().messages).toEqual([{ role: 'user', content: 'Third?' }])
  })

  test('an error says what happened, and a second try answers', async () => {
    const error = { message: 'The model is busy and 16 requests are waiting already.', code: 'queue_full' }
    await page.route(COMPLETIONS, (route) => route.fulfill({ status: 429, json: { error } }))
    await ask('Hello?')
    const alert = page.getByRole('alert')
    await alert.waitFor()
    expect(await textOf(alert)).toContain(error.message)
    await page.unroute(COMPLETIONS)
    await script('Here I am.')
    await button('Try again').click()
    await page.getByText('Here I am.').waitFor()
    await expect.poll(() => alert.count()).toBe(0)
    expect(await page.locator('article.user').count()).toBe(1)
  })

  test('a server that cannot be reached and an answer that breaks off are told apart', async () => {
    await page.route(COMPLETIONS, (route) => route.abort())
    await ask('Hello?')
    await page.getByText('The server cannot be reached.').waitFor()
    await page.unroute(COMPLETIONS)
    const body = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'Half an ans' } }] })}\n\n`
    await page.route(COMPLETIONS, (route) => route.fulfill({ contentType: 'text/event-stream', body }))
    await button('Try again').click()
    await page.getByText('The connection ended before the answer was complete.').waitFor()
    await expect.poll(() => textOf(answer())).toBe('Half an ans')
  })

  test("a model's Markdown is formatted, its HTML is text, its images and scripts are nothing", async () => {
    const requests: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    await script(
      '**bold** and `code`\n\n- item\n\n',
      '<img src=x onerror="document.title=\'hacked\'"> ![x](https://leak.example/b)\n\n',
      '[safe](https://example.com) [unsafe](javascript:document.title="hacked")\n\nThe end.',
    )
    await ask('Format!')
    await page.getByText('The end.').waitFor()
    expect(await textOf(answer().locator('strong'))).toBe('bold')
    expect(await textOf(answer().locator('li'))).toBe('item')
    expect(await textOf(answer())).toContain('<img src=')
    expect(await answer().locator('img, script').count()).toBe(0)
    const links = await answer()
      .locator('a')
      .evaluateAll((links) => links.map((link) => link.getAttribute('href')))
    expect(links.filter(Boolean)).toEqual(['https://example.com'])
    expect(requests.filter((url) => url.includes('leak.example'))).toEqual([])
    expect(await page.title()).not.toBe('hacked')
  })
})
