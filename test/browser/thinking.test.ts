import { expect, test } from 'vitest'
import { type Step, words } from '../support/scripted-answer.ts'
import { atRest, describeInChromium, finish, textOf } from './chat-page.ts'

const THOUGHTS = 'The reader asks why. I know a **bold** answer. There is more to'
const END: Step[] = [...words('content', 'Because it is so.'), finish(20, 0, 12)]

describeInChromium('thinking', (open) => {
  test('is one line that says how long, how much and the latest sentence, and then for how long it was', async () => {
    const { page, chat, ask, sees } = await open(() => [...words('reasoning_content', THOUGHTS), 'hold', ...END])
    await ask('Why?')
    const line = page.locator('.thinking summary')
    await expect.poll(() => line.locator('.shimmer').textContent()).toMatch(/^Thinking · \d+ s · 13 tokens$/)
    await expect.poll(() => line.locator('.latest-thought').textContent()).toBe('I know a bold answer.')
    expect(await page.locator('.thoughts').count()).toBe(0)
    const { height } = (await line.boundingBox())!
    expect(height).toBeLessThan(30)
    chat.release()
    await sees('Because it is so.')
    await expect.poll(() => textOf(line)).toMatch(/^Thought for \d+ s$/)
  })

  test('its sentence changes at most every two seconds', async () => {
    const sentences = Array.from({ length: 50 }, (_, index) => `This is thought number ${'abcdefghij'[index % 10]}x. `)
    const steps = sentences.flatMap((text): Step[] => [{ ms: 100 }, { delta: { reasoning_content: text } }])
    const { page, ask, sees } = await open(() => [...steps, ...END])
    await page.evaluate(() => {
      const times: number[] = []
      Object.assign(window, { times })
      let last = ''
      const root = document.querySelector('nanbeige-chat')!.shadowRoot!
      // When it changes, and not when the next frame comes, which may be late.
      new MutationObserver(() => {
        const text = root.querySelector('.latest-thought')?.textContent
        if (text && text !== last) times.push(performance.now())
        last = text ?? ''
      }).observe(root, { childList: true, characterData: true, subtree: true })
    })
    await ask('Why?')
    await sees('Because it is so.')
    const times = await page.evaluate(() => (window as unknown as { times: number[] }).times)
    expect(times.length).toBeGreaterThan(1)
    for (let index = 1; index < times.length; index++) expect(times[index] - times[index - 1]).toBeGreaterThan(1900)
  })

  test('opens as a window of at most 40 % of the height, which follows its end until the reader scrolls', async () => {
    const paragraphs = Array.from({ length: 30 }, (_, index) => `- Thought **${index}**.\n`).join('')
    const more = Array.from({ length: 30 }, (_, index) => `- More ${index}.\n`).join('')
    const steps = [
      ...words('reasoning_content', paragraphs),
      'hold',
      ...words('reasoning_content', more),
      'hold',
    ] as Step[]
    const { page, chat, ask } = await open(() => [...steps, ...END], { height: 600 })
    await ask('Why?')
    await page
      .getByText(/30 tokens|9\d tokens/)
      .first()
      .waitFor()
    await page.locator('.thinking summary').click()
    const thoughts = page.getByRole('region', { name: 'Thoughts' })
    await thoughts.locator('strong', { hasText: '29' }).waitFor()
    // Both in one frame: the composer below may grow by a line.
    const share = () =>
      thoughts.evaluate((element) => {
        const log = element.closest('[role=log]')!
        return element.getBoundingClientRect().height / log.getBoundingClientRect().height
      })
    await expect.poll(share).toBeLessThanOrEqual(0.402)
    expect(await thoughts.evaluate((element) => getComputedStyle(element).maskImage)).toContain('gradient')
    const distance = () => thoughts.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight)
    await expect.poll(distance).toBeLessThan(2)

    await thoughts.hover()
    await page.mouse.wheel(0, -40)
    await expect.poll(distance).toBeGreaterThan(20)
    // A wheel scrolls over several frames.
    const top = await atRest(page, () => thoughts.evaluate((element) => element.scrollTop))
    chat.release()
    await thoughts.getByText('More 29.').waitFor()
    expect(await atRest(page, () => thoughts.evaluate((element) => element.scrollTop))).toBe(top)
  })

  test('folds itself when the answer begins, unless the reader opened it', async () => {
    const { page, chat, ask, set, sees } = await open((question) => [
      ...words('reasoning_content', `${question} Hm.`),
      'hold',
      ...END,
    ])
    await set({ thoughts: 'open' })
    await ask('First?')
    const open1 = page.locator('.thinking details').first()
    await page.getByText('First? Hm.').last().waitFor()
    await expect.poll(() => open1.getAttribute('open')).not.toBeNull()
    chat.release()
    await sees('Because it is so.')
    await expect.poll(() => open1.getAttribute('open')).toBeNull()

    await set({ thoughts: 'closed' })
    await ask('Second?')
    await page.locator('.thinking.now summary').click()
    await page.getByRole('region', { name: 'Thoughts' }).waitFor()
    chat.release()
    await page.getByText('Because it is so.').nth(1).waitFor()
    await expect.poll(() => page.locator('.thinking details').nth(1).getAttribute('open')).not.toBeNull()
  })

  test('its heading stays in sight while the window is scrolled', async () => {
    const long = Array.from({ length: 40 }, (_, index) => `Line ${index}.\n\n`).join('')
    const { page, ask } = await open(() => [...words('reasoning_content', long), 'hold'], { height: 420 })
    await ask(`Why?${'\nline'.repeat(12)}`)
    await page.locator('.thinking summary').click()
    await page.getByRole('region', { name: 'Thoughts' }).getByText('Line 39.').waitFor()
    const log = page.getByRole('log')
    await log.evaluate((log) => {
      const window = log.querySelector('.thoughts')!
      log.scrollTop += window.getBoundingClientRect().top - log.getBoundingClientRect().top + 20
    })
    const below = () =>
      log.evaluate(
        (log) => log.querySelector('.thinking summary')!.getBoundingClientRect().y - log.getBoundingClientRect().y,
      )
    expect(await atRest(page, below)).toBeGreaterThanOrEqual(-1)
  })

  test('ends when the reader wants the answer now', async () => {
    const { chat, button, ask, sees } = await open(() => [
      ...words('reasoning_content', THOUGHTS),
      'hold',
      ...words('reasoning_content', ' think.'),
      ...END,
    ])
    await ask('Why?')
    await button('Answer now').click()
    await sees('Because it is so.')
    expect(chat.answered).toEqual(['chatcmpl-0'])
    await expect.poll(() => button('Answer now').count()).toBe(0)
  })

  test('its effort is chosen in the composer, and stays chosen', async () => {
    const { page, chat, ask, sees } = await open(() => END)
    const effort = page.getByRole('combobox', { name: 'Thinking' })
    expect(await effort.locator('option').allTextContents()).toEqual(['Auto', 'Off', 'Low', 'Medium', 'High'])
    await ask('Why?')
    await sees('Because it is so.')
    await effort.selectOption('Off')
    await ask('And now?')
    await expect.poll(() => chat.requests.length).toBe(2)
    expect(chat.requests.map(({ body }) => body.reasoning_effort)).toEqual([undefined, 'none'])
    await page.reload()
    await expect.poll(() => effort.inputValue()).toBe('none')
  })
})
