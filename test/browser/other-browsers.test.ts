import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { words } from '../support/scripted-answer.ts'
import { type ScriptedChat, startScriptedChat } from '../support/scripted-chat.ts'
import { type OtherBrowser, otherBrowsers } from './other-browsers.ts'

describe.each(otherBrowsers)('the widget in $name', ({ isInstalled, packages, launch }) => {
  describe.skipIf(!isInstalled)(`(Debian: apt-get install ${packages})`, () => {
    let chat: ScriptedChat
    let browser: OtherBrowser

    beforeAll(async () => {
      chat = await startScriptedChat(() => [
        ...words('reasoning_content', 'Foxes are quick.'),
        ...words('content', 'The **first** half'),
        'hold',
        ...words('content', ' and the second.'),
        { finish: 'stop' },
      ])
      browser = await launch()
    })

    afterAll(async () => {
      await browser?.close()
      await chat?.stop()
    })

    const text = () => browser.run(() => document.querySelector('nanbeige-chat')!.shadowRoot!.textContent)
    const press = (name: string) =>
      browser.run((name) => {
        const root = document.querySelector('nanbeige-chat')!.shadowRoot!
        const button = [...root.querySelectorAll('button')].find(
          (button) => (button.ariaLabel ?? button.textContent.trim()) === name,
        )
        button!.click()
      }, name)
    const bold = () =>
      browser.run(() => document.querySelector('nanbeige-chat')!.shadowRoot!.querySelector('strong')?.textContent)

    /** The first page of a browser takes its time. */
    const shown = () => expect.poll(() => text().catch(() => ''))

    async function ask(question: string) {
      await browser.run(() => document.querySelector('nanbeige-chat')!.shadowRoot!.querySelector('textarea')!.focus())
      await browser.type(`${question}\n`)
    }

    test('an answer streams to its end, and the next one is stopped', async () => {
      await browser.open(chat.url)
      await shown().toContain('What would you like to know?')
      await ask('Which fox?')
      await shown().toContain('The first half')
      expect(await bold()).toBe('first')
      expect(await text()).not.toContain('second')
      chat.release()
      await shown().toContain('The first half and the second.')
      await ask('And then?')
      await expect.poll(async () => (await text()).split('The first half').length).toBe(3)
      await press('Stop')
      await shown().toContain('Stopped')
      expect(chat.requests.map(({ body }) => body.messages.length)).toEqual([1, 3])
    })

    test('an answer goes on after a reload in its middle', async () => {
      await browser.open(chat.url)
      // The conversation that was left comes back.
      await shown().toContain('Stopped')
      await press('New chat')
      await shown().toContain('What would you like to know?')
      await ask('Which fox?')
      await shown().toContain('The first half')
      await browser.open(chat.url)
      await shown().toContain('The first half')
      chat.release()
      await shown().toContain('The first half and the second.')
      expect(chat.requests).toHaveLength(3)
    })
  })
})
