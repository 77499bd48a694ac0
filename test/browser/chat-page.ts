import { isDeepStrictEqual } from 'node:util'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest'
import type { SavedConversation } from '../../src/widget/saved.ts'
import type { Step } from '../support/scripted-answer.ts'
import { type Script, type ScriptedChat, startScriptedChat } from '../support/scripted-chat.ts'
import { chromiumPath, launchChromium } from './chromium.ts'

export type ChatPage = ReturnType<typeof chatPage>

/** What tests do with the page of a scripted server. */
function chatPage(page: Page, chat: ScriptedChat) {
  const message = page.getByLabel('Message', { exact: true })
  return {
    page,
    chat,
    message,
    answers: page.locator('article.assistant'),
    log: page.getByRole('log'),
    button: (name: string): Locator => page.getByRole('button', { name, exact: true }),
    async ask(question: string): Promise<void> {
      await message.fill(question)
      await message.press('Enter')
    },
    /** Waits until a text is there. */
    sees: (text: string): Promise<void> => page.getByText(text, { exact: true }).first().waitFor(),
    /** Properties of the element. */
    set: (properties: object): Promise<void> =>
      page.evaluate((properties) => {
        Object.assign(document.querySelector('nanbeige-chat')!, properties)
      }, properties),
  }
}

/** Its text with single spaces. */
export async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? '').replace(/\s+/g, ' ').trim()
}

/** What is measured in a page, once nothing changes it any more. A time says little: on a busy machine a frame may take long. */
export async function atRest<Value>(page: Page, measure: () => Promise<Value>): Promise<Value> {
  for (let before = await measure(); ; ) {
    await page.evaluate(async () => {
      for (let frame = 0; frame < 10; frame++) await new Promise(requestAnimationFrame)
    })
    const now = await measure()
    if (isDeepStrictEqual(now, before)) return now
    before = now
  }
}

/** The conversations that a reload would find. */
export function savedConversations(page: Page): Promise<SavedConversation[]> {
  return page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open('nanbeige-chat:')
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const reading = opening.result.transaction('conversations').objectStore('conversations').getAll()
          reading.onsuccess = () => {
            opening.result.close()
            resolve(reading.result)
          }
        }
      }),
  )
}

export interface PageOptions {
  readonly width?: number
  readonly height?: number
  readonly language?: string
  readonly reducedMotion?: boolean
  readonly touch?: boolean
}

/** Tests in Chromium; `open` gives a fresh page of a fresh server each time. */
export function describeInChromium(
  name: string,
  tests: (open: (script: Script, options?: PageOptions) => Promise<ChatPage>) => void,
): void {
  describe.skipIf(!chromiumPath)(`${name} (needs Chromium: set CHROMIUM to its path)`, () => {
    let browser: Browser
    const opened: { page: Page; chat: ScriptedChat }[] = []
    const errors: Error[] = []

    beforeAll(async () => {
      browser = await launchChromium()
    })

    afterAll(() => browser?.close())

    afterEach(async () => {
      for (const { page, chat } of opened.splice(0)) {
        await page.context().close()
        await chat.stop()
      }
      expect(errors.splice(0)).toEqual([])
    })

    tests(async (script, { width = 1000, height = 700, language = 'en', reducedMotion, touch } = {}) => {
      const chat = await startScriptedChat(script)
      const context = await browser.newContext({
        viewport: { width, height },
        locale: language,
        reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
        hasTouch: touch,
        isMobile: touch,
      })
      await context.grantPermissions(['clipboard-read', 'clipboard-write'])
      const page = await context.newPage()
      page.on('pageerror', (error) => errors.push(error))
      await page.goto(chat.url)
      opened.push({ page, chat })
      // It is drawn in the first frame after its script has run.
      await page.locator('nanbeige-chat textarea').waitFor()
      return chatPage(page, chat)
    })
  })
}

/** An answer of the edge alone, as the server tells its end. */
export function finish(edgeTokens: number, originTokens = 0, reasoningTokens = 0): Step {
  const nanbeige = {
    route: originTokens > 0 ? 'edge-then-origin' : 'edge',
    reason: 'may-get-long',
    edge_tokens: edgeTokens,
    origin_tokens: originTokens,
  }
  const usage = {
    prompt_tokens: 10,
    completion_tokens: edgeTokens + originTokens,
    total_tokens: 10 + edgeTokens + originTokens,
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
    nanbeige,
  }
  return { finish: 'stop', usage }
}
