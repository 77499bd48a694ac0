import { expect, test } from 'vitest'
import { ApiError } from '../../src/http/errors.ts'
import { words } from '../support/scripted-answer.ts'
import { atRest, describeInChromium, finish } from './chat-page.ts'

const GPU = { source: 'origin', origin: 'h100', reason: 'may-get-long', edge_tokens: 2 }

describeInChromium('the element', (open) => {
  test('tells a page what happens, and takes what it sets', async () => {
    const { page, chat, sees } = await open((question, { messages }) => {
      if (question === 'wrong') return [new ApiError(400, 'bad_request', 'That cannot be asked.')]
      if (messages.at(-1)!.role === 'tool') return [...words('content', 'Seen.'), finish(2)]
      if (question === 'tool') {
        const call = { index: 0, id: 'c', type: 'function', function: { name: 'look', arguments: '{"at":"it"}' } }
        return [{ delta: { tool_calls: [call] } }, { finish: 'tool_calls' }]
      }
      const [first] = words('content', ' and there.') as [{ delta: object }]
      return [
        ...words('reasoning_content', 'Hm.'),
        { delta: { content: 'Here' }, nanbeige: { source: 'edge', reason: 'may-get-long', edge_tokens: 0 } },
        { ...first, nanbeige: GPU },
        finish(2, 2, 1),
      ]
    })
    await page.evaluate(() => {
      const events: unknown[] = []
      const element = document.querySelector('nanbeige-chat')!
      Object.assign(window, { events })
      for (const type of ['send', 'reasoning', 'handover', 'tool-call', 'finish', 'error']) {
        element.addEventListener(type, (event) => {
          const { turn, move, call, error } = (event as CustomEvent).detail
          events.push([
            type,
            move?.origin ?? call?.name ?? error?.code ?? (type === 'reasoning' ? turn.reasoning : turn.content),
          ])
        })
        document.body.addEventListener(type, () => events.push(`${type} bubbles`))
      }
      Object.assign(element, {
        model: 'nanbeige4-3b-thinking',
        systemPrompt: 'Be brief.',
        effort: 'low',
        temperature: 0.5,
        topP: 0.9,
        maxTokens: 99,
        seed: 7,
        tokenProvider: () => 'a-token',
        tools: [{ name: 'look', description: 'Looks.', allowed: true, run: () => 'it' }],
      })
    })
    const ask = (text: string) =>
      page.evaluate(
        (text) => (document.querySelector('nanbeige-chat') as HTMLElement & { ask(text: string): void }).ask(text),
        text,
      )
    await ask('Where?')
    await sees('Here and')
    await page.locator('.facts').waitFor()
    await ask('tool')
    await sees('Seen.')
    await ask('wrong')
    await sees('That cannot be asked.')
    const events = await page.evaluate(() => (window as unknown as { events: unknown[] }).events)
    expect(events).toEqual([
      ['send', 'Where?'],
      ['reasoning', 'Hm.'],
      ['handover', 'h100'],
      ['finish', 'Here and'],
      ['send', 'tool'],
      ['finish', ''],
      ['tool-call', 'look'],
      ['finish', 'Seen.'],
      ['send', 'wrong'],
      ['error', 'bad_request'],
    ])
    expect(chat.requests[0].authorization).toBe('Bearer a-token')
    expect(chat.requests[0].body).toMatchObject({
      model: 'nanbeige4-3b-thinking',
      reasoning_effort: 'low',
      temperature: 0.5,
      top_p: 0.9,
      max_tokens: 99,
      seed: 7,
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }],
      tools: [{ type: 'function', function: { name: 'look', description: 'Looks.' } }],
    })
  })

  test('is moved in the document in the middle of an answer, and its script is loaded twice, without harm', async () => {
    const { ask, page, chat, sees } = await open(() => [
      ...words('content', 'One two'),
      'hold',
      ...words('content', ' three.'),
      finish(3),
    ])
    const scripts = ['', '?again'].map((query) => `<script type="module" src="/widget.js${query}"></script>`).join('')
    await page.route(`${chat.url}/`, (route) =>
      route.fulfill({ contentType: 'text/html', body: `${scripts}<nanbeige-chat></nanbeige-chat>` }),
    )
    await page.reload()
    await ask('Count!')
    await sees('One two')
    await page.evaluate(() => {
      const element = document.querySelector('nanbeige-chat')!
      const section = document.createElement('section')
      section.style.height = '100dvh'
      document.body.append(section)
      section.append(element)
    })
    chat.release()
    await sees('One two three.')
    expect(chat.requests.length).toBe(1)
  })

  test("has the page's colour scheme, sizes and colours; its slots and parts are the page's", async () => {
    const { page, ask, sees } = await open(() => [...words('content', 'Yes.'), finish(1)])
    const background = () =>
      page.evaluate(() => getComputedStyle(document.querySelector('nanbeige-chat')!).backgroundColor)
    const light = await background()
    await page.evaluate(() => document.documentElement.style.setProperty('color-scheme', 'dark'))
    const dark = await background()
    expect(dark).not.toBe(light)
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '5px'
      const element = document.querySelector<HTMLElement>('nanbeige-chat')!
      element.style.setProperty('--nanbeige-font-size', '20px')
      element.style.setProperty('--nanbeige-accent', 'rgb(1, 2, 3)')
      const slotted = (slot: string, text: string) =>
        Object.assign(document.createElement('p'), { slot, textContent: text })
      element.replaceChildren(slotted('welcome', 'Welcome here.'), slotted('footer', 'Answers may be wrong.'))
      const style = new CSSStyleSheet()
      style.replaceSync('nanbeige-chat::part(bubble) { background: rgb(4, 5, 6) }')
      document.adoptedStyleSheets = [style]
    })
    expect(await page.getByText('Welcome here.').isVisible()).toBe(true)
    expect(await page.getByText('What would you like to know?').isVisible()).toBe(false)
    await ask('Why?')
    await sees('Yes.')
    expect(await page.getByText('Answers may be wrong.').isVisible()).toBe(true)
    const style = (selector: string, name: string) =>
      page.locator(selector).evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), name)
    expect(await style('.question', 'background-color')).toBe('rgb(4, 5, 6)')
    expect(await style('.question', 'font-size')).toBe('20px')
  })

  test('has its composer in the middle until the first question, then at the end', async () => {
    const { page, ask, sees, set, chat } = await open(() => [...words('content', 'Yes.'), finish(1)])
    const place = async () => {
      const { y, height } = (await page.locator('.box').boundingBox())!
      return (y + height / 2) / 700
    }
    await set({ suggestions: ['Why is the sky blue?', 'What is a tide?'] })
    await page.getByRole('button', { name: 'What is a tide?' }).waitFor()
    const before = await atRest(page, place)
    expect(before).toBeGreaterThan(0.35)
    expect(before).toBeLessThan(0.6)
    await page.getByRole('button', { name: 'What is a tide?' }).click()
    await sees('Yes.')
    await expect.poll(place).toBeGreaterThan(0.85)
    expect(chat.requests[0].body.messages).toEqual([{ role: 'user', content: 'What is a tide?' }])
    await ask('Sure?')
    expect(await page.getByRole('button', { name: 'Why is the sky blue?' }).count()).toBe(0)
  })

  test('has nothing that is cut or scrolls sideways where it is 280 px wide', async () => {
    const { page, ask } = await open(
      () => [
        ...words('reasoning_content', 'Hm hm.'),
        ...words('content', `Word${'y'.repeat(120)}`),
        finish(256, 1904, 2),
      ],
      { width: 280, height: 500 },
    )
    await ask('Averyveryveryveryveryveryveryveryverylongword?')
    await page.getByText(/^Thought for \d+ s$/).waitFor()
    await page.locator('.facts summary').click()
    await page.locator('.facts dl').waitFor()
    const wide = await page.evaluate(() => {
      const root = document.querySelector('nanbeige-chat')!.shadowRoot!
      return [...root.querySelectorAll('.chat *')]
        .filter((element) => (element as HTMLElement).checkVisibility() && !element.closest('.hidden'))
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
        .map((element) => element.className)
    })
    expect(wide).toEqual([])
  })
})
