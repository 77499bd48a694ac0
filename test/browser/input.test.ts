import { expect, test } from 'vitest'
import { type Step, words } from '../support/scripted-answer.ts'
import { atRest, describeInChromium, finish, savedConversations, textOf } from './chat-page.ts'

const echo = (question: string): Step[] => [...words('content', `You said: ${question}`), finish(3)]
const paragraphs = (count: number, from = 0) =>
  words('content', Array.from({ length: count }, (_, index) => `Paragraph ${from + index}.\n\n`).join(''))

describeInChromium('input and scrolling', (open) => {
  test('what is pasted and sent within a frame is whole, and what is typed right after it stays', async () => {
    const { message, page, chat, sees } = await open(echo)
    await message.focus()
    await page.evaluate(() => {
      const input = document.querySelector('nanbeige-chat')!.shadowRoot!.querySelector('textarea')!
      document.execCommand('insertText', false, 'pasted in one go')
      input.dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, composed: true }),
      )
      document.execCommand('insertText', false, 'and more')
    })
    await sees('You said: pasted in one go')
    expect(await message.inputValue()).toBe('and more')
    expect(chat.requests.length).toBe(1)
  })

  test('Enter that ends a composition sends nothing, in the order of Chromium and of Safari', async () => {
    const { message, chat, sees } = await open(echo)
    await message.fill('你好')
    await message.evaluate((input) => {
      const enter = (more: object) =>
        input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...more }))
      input.dispatchEvent(new CompositionEvent('compositionstart', { bubbles: true }))
      enter({ isComposing: true })
      // Safari ends the composition first, and has the key code of a key that an input method took.
      input.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true, data: '你好' }))
      enter({ keyCode: 229 })
    })
    expect(await message.inputValue()).toBe('你好')
    await message.press('Enter')
    await sees('You said: 你好')
    expect(chat.requests.length).toBe(1)
  })

  test('Enter on a touch keyboard makes a line, and the button sends', async () => {
    const { message, button, chat } = await open(echo, { touch: true, width: 390 })
    await message.fill('one')
    await message.press('Enter')
    await message.pressSequentially('two')
    expect(await message.getAttribute('enterkeyhint')).toBe('enter')
    await button('Send').tap()
    await expect.poll(() => chat.requests.length).toBe(1)
    expect(chat.requests[0].body.messages).toEqual([{ role: 'user', content: 'one\ntwo' }])
  })

  test('Escape stops, from wherever the focus is; the focus is in the composer then', async () => {
    const { ask, page, sees, message, button, log } = await open(() => [...words('content', 'One two'), 'hold'])
    const hasFocus = () => message.evaluate((input) => input.matches(':focus'))
    await ask('Count!')
    await sees('One two')
    await log.focus()
    await page.keyboard.press('Escape')
    await page.getByRole('log').getByText('Stopped.').waitFor()
    expect(await hasFocus()).toBe(true)
    await ask('Count!')
    await button('Stop').waitFor()
    await button('Stop').click()
    await button('Send').waitFor()
    expect(await hasFocus()).toBe(true)
  })

  test('a message typed during an answer waits its turn, and can be taken back', async () => {
    const { ask, page, chat, sees, message, button } = await open((question) => [
      ...words('content', `Before ${question}`),
      'hold',
      ...words('content', `, after ${question}.`),
      finish(4),
    ])
    await ask('one')
    await sees('Before one')
    await ask('two')
    await ask('three')
    const queue = page.getByRole('list', { name: 'Next' })
    await expect.poll(() => queue.getByRole('listitem').count()).toBe(2)
    expect(chat.requests.length).toBe(1)
    await button('Remove').last().click()
    await expect.poll(() => message.inputValue()).toBe('three')
    await message.fill('')
    chat.release()
    await sees('Before one, after one.')
    await sees('Before two')
    await expect.poll(() => queue.count()).toBe(0)
    expect(chat.requests[1].body.messages).toHaveLength(3)
  })

  test('a question stands at the top with room below it, and stays there while the answer has room', async () => {
    const { ask, page, chat, log } = await open((question) =>
      question === 'first'
        ? [...paragraphs(30), finish(30)]
        : [...paragraphs(2, 100), 'hold', ...paragraphs(2, 200), finish(4)],
    )
    await ask('first')
    await page.getByText('Paragraph 29.').waitFor()
    await ask('second')
    await page.getByText('Paragraph 101.').waitFor()
    const place = () =>
      log.evaluate((log) => {
        const question = [...log.querySelectorAll('.question')].at(-1)!
        return Math.round(question.getBoundingClientRect().y - log.getBoundingClientRect().y)
      })
    const before = await atRest(page, place)
    expect(before).toBeLessThan(20)
    chat.release()
    await page.getByText('Paragraph 201.').waitFor()
    await page.locator('.facts').nth(1).waitFor()
    expect(await atRest(page, place)).toBe(before)
  })

  test('the end of a longer answer is kept in sight; any scroll up is respected', async () => {
    const { ask, page, chat, log, button } = await open(() => [
      ...paragraphs(40),
      'hold',
      ...paragraphs(10, 100),
      'hold',
      ...paragraphs(10, 200),
      finish(60),
    ])
    const distance = () => log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)
    await ask('Write!')
    await page.getByText('Paragraph 39.').waitFor()
    await expect.poll(distance).toBeLessThan(2)
    await log.hover()
    await page.mouse.wheel(0, -10)
    await expect.poll(distance).toBeGreaterThan(5)
    // A wheel scrolls over several frames.
    const top = await atRest(page, () => log.evaluate((log) => log.scrollTop))
    chat.release()
    await page.getByText('Paragraph 109.').waitFor()
    expect(await atRest(page, () => log.evaluate((log) => log.scrollTop))).toBe(top)
    await button('Go to the newest text').click()
    await expect.poll(distance).toBeLessThan(2)
    chat.release()
    await page.getByText('Paragraph 209.').waitFor()
    await expect.poll(distance).toBeLessThan(2)
    await expect.poll(() => button('Go to the newest text').count()).toBe(0)
  })

  test('nothing but the cursor moves while an answer grows', async () => {
    const { ask, page } = await open(() => [
      { nanbeige: { source: 'edge', reason: 'no-origin', edge_tokens: 0 }, delta: { reasoning_content: 'So.' } },
      ...words('reasoning_content', ' Some thoughts. And more of them.', 5),
      ...words('content', Array.from({ length: 12 }, (_, i) => `Sentence ${i} of the answer. `).join(''), 5),
      finish(80, 0, 6),
    ])
    // The first question moves the composer.
    await ask('First!')
    await page.locator('.facts').waitFor()
    await page.evaluate(() => {
      const shifts: PerformanceEntry[] = []
      const places = new Set<number>()
      const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()))
      Object.assign(window, { shifts, places, observer })
      observer.observe({ type: 'layout-shift', buffered: false })
      const root = document.querySelector('nanbeige-chat')!.shadowRoot!
      const look = () => {
        const chip = root.querySelector('.chip')
        if (chip) places.add(Math.round(chip.getBoundingClientRect().top))
        requestAnimationFrame(afterFrame)
      }
      // What is drawn in a frame is in its place when all callbacks of that frame have run.
      const afterFrame = () => setTimeout(look)
      look()
    })
    await ask('Second!')
    await page.getByText('Sentence 0').nth(1).waitFor()
    const since = await page.evaluate(() => performance.now())
    await page.locator('.facts').nth(1).waitFor()
    const { shift, places } = await atRest(page, () =>
      page.evaluate((since) => {
        const { shifts, places, observer } = window as unknown as {
          shifts: (PerformanceEntry & { value: number })[]
          places: Set<number>
          observer: PerformanceObserver
        }
        shifts.push(...(observer.takeRecords() as typeof shifts))
        const late = shifts.filter(({ startTime }) => startTime > since)
        return { shift: late.reduce((sum, { value }) => sum + value, 0), places: [...places] }
      }, since),
    )
    expect(places).toHaveLength(1)
    expect(shift).toBeLessThan(0.005)
  })

  test('two hundred pasted lines fold', async () => {
    const { ask, page, button } = await open(() => [...words('content', 'Long.'), finish(1)])
    const lines = Array.from({ length: 200 }, (_, index) => `line ${index}`).join('\n')
    await ask(lines)
    await button('Show all 200 lines').waitFor()
    const question = page.locator('.question p')
    expect((await question.textContent())!.split('\n')).toHaveLength(10)
    await button('Show all 200 lines').click()
    await expect.poll(async () => (await question.textContent())!.split('\n').length).toBe(200)
    await button('Show less').click()
    await button('Show all 200 lines').waitFor()
  })

  test('a draft outlives a reload', async () => {
    const { message, page } = await open(echo)
    await message.fill('half a thou')
    await expect.poll(async () => (await savedConversations(page)).map(({ draft }) => draft)).toEqual(['half a thou'])
    await page.reload()
    await expect.poll(() => message.inputValue()).toBe('half a thou')
  })

  test('each paragraph has the direction of its language', async () => {
    const { ask, page, sees } = await open(() => [...words('content', 'Hello there.\n\nשלום עולם.'), finish(3)])
    await ask('مرحبا')
    await sees('Hello there.')
    const right = (locator: ReturnType<typeof page.getByText>) =>
      locator.evaluate((element) => {
        const range = document.createRange()
        range.selectNodeContents(element)
        const text = range.getBoundingClientRect()
        const box = element.getBoundingClientRect()
        return text.left - box.left > box.right - text.right
      })
    expect(await right(page.getByText('שלום עולם.'))).toBe(true)
    expect(await right(page.getByText('Hello there.'))).toBe(false)
    expect(await page.locator('.question').getAttribute('dir')).toBe('auto')
    expect(await textOf(page.locator('.question'))).toBe('مرحبا')
  })
})
