import { expect, test } from 'vitest'
import { ApiError } from '../../src/http/errors.ts'
import { type Step, words } from '../support/scripted-answer.ts'
import { atRest, describeInChromium, finish, savedConversations, textOf } from './chat-page.ts'

const echo = (question: string): Step[] => [...words('content', `You said: ${question}`), finish(3)]
const call = (name: string, args: object, id = 'call_1'): Step => ({
  delta: {
    tool_calls: [{ index: 0, id, type: 'function', function: { name, arguments: JSON.stringify(args) } }],
  },
})

describeInChromium('messages', (open) => {
  test('an answer is copied as its Markdown', async () => {
    const { page, ask, answers, button, sees } = await open(() => [...words('content', 'It is **bold**.'), finish(3)])
    await ask('How?')
    await sees('bold')
    const copy = answers.getByRole('button', { name: 'Copy' })
    // It says so for a moment only.
    await Promise.all([button('Copied').waitFor(), copy.click()])
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('It is **bold**.')
    await copy.waitFor()
    await page.evaluate(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
      document.execCommand = () => false
    })
    await Promise.all([sees('Could not copy'), copy.click()])
  })

  test('an answer is made anew as a branch, and the reader goes back and forth between them', async () => {
    let count = 0
    const { ask, button, sees, answers, page } = await open(() => [
      ...words('content', `Answer ${++count}.`),
      finish(2),
    ])
    await ask('Tell!')
    await sees('Answer 1.')
    await button('Answer anew').click()
    await sees('Answer 2.')
    await button('Answer anew').click()
    await sees('Answer 3.')
    await sees('3 / 3')
    await expect.poll(() => button('Next version').isDisabled()).toBe(true)
    const chosen = async () => Object.values((await savedConversations(page))[0].chosen)
    const third = await chosen()
    await button('Previous version').click()
    await sees('Answer 2.')
    await sees('2 / 3')
    expect(await answers.count()).toBe(1)
    await expect.poll(chosen).not.toEqual(third)
    await page.reload()
    await sees('2 / 3')
    await sees('Answer 2.')
  })

  test('a question is edited as a branch with its own answer; Escape leaves it as it was', async () => {
    const { ask, button, sees, page, chat } = await open(echo)
    await ask('one')
    await sees('You said: one')
    await button('Edit').click()
    const field = page.getByLabel('Edit the message')
    expect(await field.inputValue()).toBe('one')
    await expect.poll(() => field.evaluate((field: HTMLElement) => field.matches(':focus'))).toBe(true)
    await field.fill('two')
    await field.press('Escape')
    await sees('one')
    await button('Edit').click()
    await field.fill('two')
    await field.press('Enter')
    await sees('You said: two')
    await sees('2 / 2')
    expect(chat.requests[1].body.messages).toEqual([{ role: 'user', content: 'two' }])
    await page.locator('article.user').hover()
    await button('Previous version').click()
    await sees('You said: one')
  })

  test('what was stopped goes on, and what was cut', async () => {
    const { ask, button, sees, answers, chat } = await open((_, { messages }) => {
      if (messages.at(-1)!.role === 'user') return [...words('content', 'Once upon'), 'hold']
      if (chat.requests.length === 2) return [...words('content', ' a time'), { finish: 'length' }]
      return [...words('content', ' the end.'), finish(3)]
    })
    await ask('Tell!')
    await sees('Once upon')
    await button('Stop').click()
    await answers.getByText('Stopped.').waitFor()
    await button('Continue').click()
    await answers.getByText('Cut at the length limit.').waitFor()
    await button('Continue').click()
    await sees('Once upon a time the end.')
    expect(chat.requests[1].body).toMatchObject({
      continue_final_message: true,
      messages: [{ role: 'user' }, { role: 'assistant', content: 'Once upon' }],
    })
  })

  test('a message is deleted with what follows it, and brought back', async () => {
    const { ask, button, sees, answers } = await open(echo)
    await ask('one')
    await sees('You said: one')
    await answers.getByRole('button', { name: 'Delete' }).click()
    await expect.poll(() => answers.count()).toBe(0)
    await button('Undo').click()
    await sees('You said: one')
    await expect.poll(() => button('Undo').count()).toBe(0)
  })

  test('a tool asks, runs once it may, and shows arguments, result and time', async () => {
    const { ask, button, sees, page, chat } = await open((_, { messages }) =>
      messages.at(-1)!.role === 'tool'
        ? [...words('content', `It has ${messages.at(-1)!.content}.`), finish(3)]
        : [call('thermometer', { city: 'Oslo' }), { finish: 'tool_calls' }],
    )
    await page.evaluate(() => {
      Object.assign(document.querySelector('nanbeige-chat')!, {
        tools: [{ name: 'thermometer', run: ({ city }: { city: string }) => ({ city, degrees: -2 }) }],
      })
    })
    await ask('How cold is it?')
    await sees('Asks to run')
    await sees('thermometer')
    expect(await textOf(page.locator('.tool pre'))).toBe('{ "city": "Oslo" }')
    await button('Allow once').click()
    await sees('It has {"city":"Oslo","degrees":-2}.')
    await expect.poll(() => textOf(page.locator('.tool-state'))).toMatch(/^Done · \d+ ms$/)
    await page.locator('.tool summary').click()
    await expect.poll(() => textOf(page.locator('.tool pre').last())).toContain('"degrees": -2')

    await ask('And now?')
    await expect.poll(() => button('Always allow').count()).toBe(1)
    await button('Always allow').click()
    await expect.poll(() => chat.requests.length).toBe(4)
    await ask('And now again?')
    await expect.poll(() => chat.requests.length).toBe(6)
    expect(await button('Allow once').count()).toBe(0)
  })

  test('a tool that is refused, and one that fails, are told to the model and shown', async () => {
    const { ask, button, sees, page, chat } = await open((_, { messages }) =>
      messages.at(-1)!.role === 'tool'
        ? [...words('content', 'So be it.'), finish(3)]
        : [call('burn', {}), { finish: 'tool_calls' }],
    )
    await page.evaluate(() => {
      const run = () => {
        throw new Error('It is too wet.')
      }
      Object.assign(document.querySelector('nanbeige-chat')!, { tools: [{ name: 'burn', run }] })
    })
    await ask('Burn!')
    await button('Refuse').click()
    await sees('Refused')
    await sees('So be it.')
    await ask('Burn!')
    await button('Allow once').click()
    await expect.poll(() => textOf(page.locator('.tool.failed .tool-state'))).toMatch(/^Failed/)
    await expect
      .poll(() => chat.requests.at(-1)!.body.messages.at(-1))
      .toMatchObject({
        role: 'tool',
        content: 'It is too wet.',
      })
  })

  test('an error says what helps: time, a key, fewer turns', async () => {
    const { ask, button, sees, page, chat, answers } = await open((question) => {
      if (question === 'busy' && chat.requests.length === 1)
        return [new ApiError(429, 'queue_full', 'The model is busy.', { headers: { 'Retry-After': '2' } })]
      if (question === 'key' && chat.requests.at(-1)!.authorization === undefined)
        return [new ApiError(401, 'invalid_api_key', 'This server wants a key.')]
      if (question === 'long' && chat.requests.at(-1)!.body.messages.length > 1)
        return [new ApiError(400, 'context_length_exceeded', 'The conversation is too long.')]
      return echo(question)
    })
    await ask('busy')
    // Both at once: they are gone with the next try.
    await answers
      .getByRole('alert')
      .filter({ hasText: 'The model is busy.' })
      .filter({ hasText: /Trying again in [0-2] s\./ })
      .waitFor()
    await sees('You said: busy')
    await ask('key')
    await answers.getByText('This server wants a key.').waitFor()
    await page.getByLabel('API key').fill('sesame')
    await page.getByLabel('API key').press('Enter')
    await sees('You said: key')
    expect(chat.requests.at(-1)!.authorization).toBe('Bearer sesame')
    await ask('long')
    await answers.getByText('The conversation is too long.').waitFor()
    await button('Start anew with a summary').waitFor()
    await button('Drop the oldest turns').click()
    await sees('You said: long')
  })

  test('a connection that breaks is taken up again, and told meanwhile', async () => {
    const { ask, sees, chat } = await open(() => [
      ...words('content', 'One two three'),
      'hold',
      'offline',
      ...words('content', ' four.'),
      finish(4),
    ])
    await ask('Count!')
    await sees('One two three')
    chat.release()
    await sees('Reconnecting from token 3 …')
    chat.release()
    await sees('One two three four.')
  })

  test('conversations are listed, found, renamed, deleted and brought back', async () => {
    const { ask, button, sees, page } = await open(echo)
    await ask('About the sea')
    await sees('You said: About the sea')
    await button('New chat').click()
    await ask('About the hills')
    await sees('You said: About the hills')
    await button('Conversations').click()
    const drawer = page.getByRole('dialog', { name: 'Conversations' })
    const listed = drawer.locator('.listed')
    await expect.poll(() => listed.locator('span').allTextContents()).toEqual(['About the hills', 'About the sea'])
    await drawer.getByRole('searchbox').fill('sea')
    await expect.poll(() => listed.count()).toBe(1)
    await button('Rename: About the sea').click()
    await drawer.getByRole('textbox', { name: 'Rename' }).fill('Waves')
    await drawer.getByRole('textbox', { name: 'Rename' }).press('Enter')
    await drawer.getByRole('searchbox').fill('')
    await expect.poll(() => listed.locator('span').allTextContents()).toEqual(['About the hills', 'Waves'])
    await listed.nth(1).click()
    await sees('You said: About the sea')
    await button('Conversations').click()
    await drawer.getByText('Waves').hover()
    await button('Delete: Waves').click()
    await expect.poll(() => listed.locator('span').allTextContents()).toEqual(['About the hills'])
    await drawer.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => listed.locator('span').allTextContents()).toEqual(['About the hills', 'Waves'])
    const saved = page.waitForEvent('download')
    await drawer.getByRole('button', { name: 'Save as JSON' }).click()
    const file = await (await saved).path()
    await page.keyboard.press('Escape')
    await expect.poll(() => drawer.count()).toBe(0)
    await button('Conversations').click()
    await drawer
      .locator('input[type=file]')
      .setInputFiles({ name: 'x.json', mimeType: 'application/json', buffer: Buffer.from('no') })
    await drawer.getByText('This file holds no conversations.').waitFor()
    await drawer.locator('input[type=file]').setInputFiles(file)
    await expect.poll(() => drawer.getByText('This file holds no conversations.').count()).toBe(0)
  })

  test('a reference leads to its note and back, within its answer, and the address of the page stays', async () => {
    const filler = 'A paragraph.\n\n'.repeat(40)
    const { page, ask, sees, answers } = await open((question) => [
      ...words(
        'content',
        `${question} so[^1] and so[^2].\n\n${filler}Again[^2].\n\n${filler}[^1]: One.\n\n[^2]: Two of ${question}\n`,
      ),
      finish(9),
    ])
    for (const question of ['First.', 'Second.']) {
      await ask(question)
      await sees(`Two of ${question}`)
    }
    // Until its answer is at rest the log may follow the end of it.
    await page.locator('.facts').nth(1).waitFor()
    await atRest(page, () => page.getByRole('log').evaluate((log) => [log.scrollHeight, log.scrollTop]))
    const answer = answers.last()
    const note = answer.locator('.footnote-number', { hasText: '2' })
    const inSight = (locator: typeof note) =>
      locator.evaluate((element) => {
        const [box, log] = [element, element.closest('[role=log]')!].map((one) => one.getBoundingClientRect())
        return (
          box.top > log.top &&
          box.bottom < log.bottom &&
          (element.getRootNode() as ShadowRoot).activeElement === element
        )
      })
    for (const index of [0, 1]) {
      const reference = answer.locator('.footnote-reference', { hasText: '2' }).nth(index)
      await reference.click()
      await expect.poll(() => inSight(note)).toBe(true)
      await note.press('Enter')
      await expect.poll(() => inSight(reference)).toBe(true)
    }
    expect(new URL(page.url()).hash).toBe('')
  })
})
