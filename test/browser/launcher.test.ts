import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import { Hono } from 'hono'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ListeningApp, listen } from '../support/listen.ts'
import { words } from '../support/scripted-answer.ts'
import { type ScriptedChat, startScriptedChat } from '../support/scripted-chat.ts'
import { chromiumPath, launchChromium } from './chromium.ts'

describe.skipIf(!chromiumPath)('the launcher in Chromium (needs one: set CHROMIUM to its path)', () => {
  let api: ScriptedChat
  let site: ListeningApp
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    api = await startScriptedChat(() => [
      ...words('content', 'One'),
      'hold',
      ...words('content', ' and two.'),
      { finish: 'stop' },
    ])
    const html = `<!doctype html><html lang="en"><title>A site</title>
      <style>body { block-size: 3000px; overflow-x: hidden; transform: none } .above { position: fixed; inset: 0 0 auto; block-size: 80vh; z-index: 2147483647; background: pink }</style>
      <script type="module" src="${api.url}/widget.js"></script>
      <main>A shop</main>
      <nanbeige-chat-launcher label="Ask us"><nanbeige-chat endpoint="${api.url}"></nanbeige-chat></nanbeige-chat-launcher>
      <div class="above"></div></html>`
    site = await listen(new Hono().get('/', (c) => c.html(html)))
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.stop()
    await api?.stop()
  })
  beforeEach(async () => {
    page = await browser.newPage()
    await page.goto(site.url)
    await button().waitFor()
  })
  afterEach(() => page.close())

  const button = () => page.getByRole('button', { name: 'Ask us' })
  const panel = () => page.getByRole('dialog', { name: 'Ask us' })
  const message = () => page.getByLabel('Message')

  test('it opens above all of the page, takes the focus, and gives it back at Escape', async () => {
    expect(await panel().count()).toBe(0)
    await button().press('Enter')
    await panel().waitFor()
    expect(await button().getAttribute('aria-expanded')).toBe('true')
    await expect.poll(() => message().evaluate((input) => input.matches(':focus'))).toBe(true)
    await page.keyboard.type('Hello?')
    expect(await message().inputValue()).toBe('Hello?')
    // A click reaches it although the page has a layer of its own.
    await message().click({ timeout: 10_000 })
    await page.keyboard.press('Escape')
    await panel().waitFor({ state: 'hidden' })
    expect(await page.evaluate(() => document.activeElement!.shadowRoot!.activeElement!.ariaLabel)).toBe('Ask us')
  })

  test('a closed one is not reached by Tab, and says nothing to a screen reader', async () => {
    const reached: string[] = []
    for (let presses = 0; presses < 4; presses++) {
      await page.keyboard.press('Tab')
      reached.push(
        await page.evaluate(() => {
          const { activeElement } = document
          return `${activeElement!.tagName} ${activeElement!.shadowRoot?.activeElement?.ariaLabel}`
        }),
      )
    }
    expect(new Set(reached)).toEqual(new Set(['NANBEIGE-CHAT-LAUNCHER Ask us', 'BODY undefined']))
    expect(await page.getByRole('textbox').count()).toBe(0)
  })

  test('an answer goes on while it is closed, and is marked at its end', async () => {
    await button().press('Enter')
    await message().fill('Count.')
    await message().press('Enter')
    await page.getByText('One', { exact: true }).waitFor()
    // Escape would stop the answer.
    await button().click()
    await panel().waitFor({ state: 'hidden' })
    api.release()
    await page.locator('nanbeige-chat-launcher button.unread').waitFor()
    await button().press('Enter')
    await page.getByText('One and two.').waitFor()
    expect(await page.locator('button.unread').count()).toBe(0)
  })

  test('axe finds nothing, closed and open', async () => {
    await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') })
    const violations = () =>
      page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(selector: string): Promise<AxeResults> } }
        return (await axe.run('nanbeige-chat-launcher')).violations.map(({ id, nodes }) => [id, nodes[0].html])
      })
    expect(await violations()).toEqual([])
    await button().click()
    await message().waitFor()
    await page.getByRole('heading', { name: 'Nanbeige4 3B Thinking' }).waitFor()
    await expect.poll(() => panel().evaluate((panel) => getComputedStyle(panel).opacity)).toBe('1')
    expect(await violations()).toEqual([])
  })

  test('a page opens and closes it by its attribute', async () => {
    const launcher = page.locator('nanbeige-chat-launcher')
    await launcher.evaluate((launcher) => launcher.toggleAttribute('open', true))
    await panel().waitFor()
    await launcher.evaluate((launcher) => launcher.toggleAttribute('open', false))
    await panel().waitFor({ state: 'hidden' })
  })

  test('on a phone it fills the screen, and has a button to close it', async () => {
    await page.setViewportSize({ width: 390, height: 700 })
    await button().press('Enter')
    await expect.poll(() => panel().boundingBox()).toEqual({ x: 0, y: 0, width: 390, height: 700 })
    await page.getByRole('button', { name: 'Close' }).click()
    await panel().waitFor({ state: 'hidden' })
  })

  test('it speaks the language of its chat, with the words that a page has set there', async () => {
    await page.setViewportSize({ width: 390, height: 700 })
    await page.locator('nanbeige-chat-launcher').evaluate((launcher) => {
      const chat = launcher.querySelector('nanbeige-chat')!
      chat.setAttribute('lang', 'zh')
      launcher.removeAttribute('label')
      launcher.toggleAttribute('open', true)
    })
    await page.getByRole('dialog', { name: '对话' }).first().waitFor()
    await page.getByRole('button', { name: '关闭' }).click()
    await page.locator('nanbeige-chat-launcher').evaluate((launcher) => {
      Object.assign(launcher.querySelector('nanbeige-chat')!, { texts: { close: 'Zu', chat: 'Plausch' } })
      launcher.toggleAttribute('open', true)
    })
    await page.getByRole('dialog', { name: 'Plausch' }).waitFor()
    await page.getByRole('button', { name: 'Zu', exact: true }).click()
  })
})
