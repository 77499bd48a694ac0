import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { examplePages } from '../../examples/widget/serve.ts'
import { startWorker } from '../../src/serve/start-worker.ts'
import { type ListeningApp, listen } from '../support/listen.ts'
import { words } from '../support/scripted-answer.ts'
import { type Script, type ScriptedChat, startScriptedChat } from '../support/scripted-chat.ts'
import { chromiumPath, launchChromium } from './chromium.ts'

const script: Script = (question, { messages, tools }) => {
  const { role, content } = messages.at(-1)!
  if (role === 'tool') return [...words('content', `The page said: ${content}`), { finish: 'stop' }]
  if (tools && question.startsWith('Call ')) {
    const name = question.slice(5)
    const args = JSON.stringify({ zone: 'UTC', title: 'A title by the model' })
    const call = { index: 0, id: 'call', type: 'function', function: { name, arguments: args } }
    return [{ delta: { tool_calls: [call] } }, { finish: 'tool_calls' }]
  }
  return [
    { delta: { reasoning_content: 'Hm, ' }, nanbeige: { source: 'edge', reason: 'may-get-long', edge_tokens: 0 } },
    ...words('content', 'So it'),
    { delta: { content: ' is.' }, nanbeige: { source: 'origin', origin: 'gpu', reason: 'budget', edge_tokens: 3 } },
    { finish: 'stop' },
  ]
}

describe.skipIf(!chromiumPath)('examples/widget in Chromium (needs one: set CHROMIUM to its path)', () => {
  let api: ScriptedChat
  let site: ListeningApp
  let browser: Browser
  let page: Page
  let faults: string[]

  beforeAll(async () => {
    api = await startScriptedChat(script)
    site = await listen(await examplePages(api.url))
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.stop()
    await api?.stop()
  })
  beforeEach(async () => {
    const context = await browser.newContext()
    page = await context.newPage()
    faults = []
    page.on('pageerror', (error) => faults.push(error.message))
  })
  afterEach(async () => {
    await page.context().close()
    expect(faults).toEqual([])
  })

  const message = () => page.getByLabel('Message')
  const open = (name: string) => page.goto(`${site.url}/${name}.html`)

  async function ask(question: string) {
    await message().fill(question)
    await message().press('Enter')
  }

  test('the list has a link to each', async () => {
    await page.goto(site.url)
    const links = await page.getByRole('link').allTextContents()
    expect(links.sort()).toEqual(
      ['attributes', 'events', 'launcher', 'methods', 'properties', 'slots', 'theme', 'token', 'tools'].map(
        (name) => `${name}.html`,
      ),
    )
  })

  test('attributes', async () => {
    await open('attributes')
    await page.getByRole('heading', { name: 'Ask the sailor' }).waitFor()
    expect(await message().getAttribute('placeholder')).toBe('About wind, waves and knots')
    await ask('Wind?')
    await page.getByText('So it is.').waitFor()
    const { body } = api.requests.at(-1)!
    expect(body.messages).toEqual([
      { role: 'system', content: 'You are an old sailor. Answer in one or two sentences.' },
      { role: 'user', content: 'Wind?' },
    ])
    expect(body).toMatchObject({ reasoning_effort: 'low', temperature: 0.6, top_p: 0.95, max_tokens: 300 })
  })

  test('properties', async () => {
    await open('properties')
    await page.getByText('Ahoy! What shall we talk about?').waitFor()
    await page.getByRole('button', { name: 'Cast off' }).waitFor()
    await page.getByRole('button', { name: 'What is a fox?' }).click()
    await page.getByText('So it is.').waitFor()
  })

  test('events', async () => {
    await open('events')
    await ask('Why?')
    await expect
      .poll(() => page.locator('#happened li').allTextContents())
      .toEqual(['send: Why?', 'reasoning: it thinks', 'handover: to origin, budget', 'finish: done'])
  })

  test('methods', async () => {
    await open('methods')
    await page.getByRole('button', { name: 'Ask about foxes' }).click()
    await page.getByText('So it is.').waitFor()
    await page.getByRole('button', { name: 'New conversation' }).click()
    await page.getByText('So it is.').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Write' }).click()
    await expect.poll(() => message().evaluate((input) => input.matches(':focus'))).toBe(true)
    await page.keyboard.type('Hello')
    expect(await message().inputValue()).toBe('Hello')
  })

  test('theme', async () => {
    await open('theme')
    const chat = page.locator('nanbeige-chat')
    const styleOf = (selector: string, name: string) =>
      chat.locator(selector).evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), name)
    expect(await styleOf('[part~=heading]', 'font-variant-caps')).toBe('small-caps')
    for (const [colorScheme, color] of [
      ['light', 'rgb(255, 253, 247)'],
      ['dark', 'rgb(29, 26, 22)'],
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await expect.poll(() => chat.evaluate((chat) => getComputedStyle(chat).backgroundColor)).toBe(color)
    }
  })

  test('slots', async () => {
    await open('slots')
    await page.getByRole('link', { name: 'Help' }).waitFor()
    await page.getByText('Mind the rocks.').waitFor()
    await page.getByRole('button', { name: 'What is a fox?' }).click()
    await page.getByText('So it is.').waitFor()
    await expect.poll(() => page.getByText('Harbour office').isVisible()).toBe(false)
  })

  test('tools', async () => {
    await open('tools')
    await ask('Call get_time')
    await page.getByText(/The page said: \d+:\d+:\d+/).waitFor()
    await ask('Call set_title')
    await page.getByRole('button', { name: 'Allow once' }).click()
    await page.getByText('The page said: done').waitFor()
    expect(await page.locator('h1').textContent()).toBe('A title by the model')
  })

  test('token, at a server with keys', async () => {
    const sha256 = createHash('sha256').update('key-of-the-site').digest('hex')
    let pages = new Hono()
    const shop = await listen({ fetch: (request: Request) => pages.fetch(request) })
    const vars = { API_KEYS: JSON.stringify([{ name: 'shop', sha256 }]), ALLOWED_ORIGINS: shop.url }
    const server = await startWorker({ port: 0, vars })
    try {
      pages = await examplePages(server.url, 'key-of-the-site')
      await page.goto(`${shop.url}/token.html`)
      await page.getByRole('heading', { name: 'SmolLM2 135M Instruct' }).waitFor()
      const request = page.waitForRequest('**/v1/chat/completions')
      await ask('What is the capital of France?')
      expect(await (await request).headerValue('Authorization')).toMatch(/^Bearer (\w|-)+\.(\w|-)+\.(\w|-)+$/)
      await page.locator('.markdown').getByText(/\w/).first().waitFor()
    } finally {
      await server.stop()
      await shop.stop()
    }
  })

  test('launcher', async () => {
    await open('launcher')
    await page.getByRole('button', { name: 'Ask us' }).click()
    await ask('Why?')
    await page.getByText('So it is.').waitFor()
  })
})
