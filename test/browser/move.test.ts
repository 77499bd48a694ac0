import { Hono } from 'hono'
import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { listen } from '../support/listen.ts'
import { type Step, words } from '../support/scripted-answer.ts'
import { begins, chunk, startScriptedApi } from '../widget/scripted-api.ts'
import { atRest, describeInChromium, finish, textOf } from './chat-page.ts'

const GPU = { source: 'origin', origin: 'h100', reason: 'may-get-long', edge_tokens: 7 }
const EDGE = { source: 'edge', reason: 'may-get-long', edge_tokens: 0 }

/** Words, the first of them told to be of another source. */
function from(nanbeige: object, text: string, field: 'content' | 'reasoning_content' = 'content'): Step[] {
  const [first, ...rest] = words(field, text)
  return [{ ...(first as { delta: object }), nanbeige }, ...rest]
}

/** Where the hairline within a part stands to the second paragraph, in which its token is, and to the text. */
function marked(page: Page, part: string) {
  return page.locator(part).evaluate((part) => {
    const [mark, text, paragraph] = ['.mark', '.markdown', '.markdown p:nth-of-type(2)'].map((selector) =>
      part.querySelector(selector)!.getBoundingClientRect(),
    )
    return {
      below: mark.y > paragraph.y && mark.y <= paragraph.bottom + 1,
      beside: mark.right <= text.x,
      inside: mark.x >= 0,
    }
  })
}

const MOVED: Step[] = [
  ...from(EDGE, 'At the edge **it begins** and\n\nends'),
  'hold',
  { nanbeige: { event: 'moving', tokens: 7 } },
  'hold',
  ...from(GPU, ' on a GPU,\n\nas all may see.'),
  'hold',
  finish(7, 8),
]

describeInChromium('the move', (open) => {
  test('is told during the gap, then by whom the answer comes', async () => {
    const { page, chat, ask, sees, log } = await open(() => MOVED)
    await ask('Tell!')
    const chip = page.locator('.chip')
    await expect.poll(() => textOf(chip)).toMatch(/^Edge/)
    expect(await chip.locator('.dot.edge').count()).toBe(1)
    chat.release()
    await sees('Moving to GPU …')
    expect(await chip.locator('.dot.origin').count()).toBe(1)
    // Nothing grows: no cursor says that it does.
    expect(await log.locator('.streaming').count()).toBe(0)
    chat.release()
    await expect.poll(() => textOf(chip)).toMatch(/^GPU/)
    expect(await chip.locator('.dot.origin').count()).toBe(1)
  })

  test('has a hairline in the margin at its token, with the speeds before and after', async () => {
    const { page, chat, ask, sees } = await open(() => MOVED, { width: 1440 })
    await ask('Tell!')
    await sees('ends')
    await page.waitForTimeout(300)
    chat.release()
    await sees('Moving to GPU …')
    chat.release()
    await page.getByText('as all may see.').waitFor()
    await page.waitForTimeout(300)
    chat.release()
    const mark = page.locator('.mark')
    await expect.poll(() => textOf(mark.locator('.mark-speeds'))).toMatch(/^\d+ → \d+ tokens\/s$/)
    const places = () => marked(page, 'article.assistant')
    expect(await atRest(page, places)).toEqual({ below: true, beside: true, inside: true })

    // Where the window is narrower, the token is on another line.
    await page.setViewportSize({ width: 320, height: 700 })
    await expect.poll(places).toMatchObject({ below: true, inside: true })
  })

  test('has its hairline there also behind code and formulas, when these are set', async () => {
    const formula = '$\\mathrm{a}^{\\mathrm{b}} + \\mathrm{c}_{\\mathrm{d}}$'
    const { page, ask, set } = await open(() => [
      ...from(EDGE, `\`\`\`js\nlet a\n\`\`\`\n\nSee ${`${formula} and so `.repeat(9)}here it`),
      ...from(GPU, ` moves. ${'More words. '.repeat(60)}`),
      finish(7, 8),
    ])
    await set({ texts: { copy: 'Put it into the clipboard' } })
    await ask('Tell!')
    await expect.poll(() => page.locator('.katex').count()).toBe(9)
    await expect.poll(() => page.evaluate(() => document.fonts.check('16px KaTeX_Math'))).toBe(true)
    const offset = () =>
      page.locator('.mark').evaluate((mark) => {
        const texts = document.createTreeWalker(mark.parentElement!.querySelector('.markdown')!, NodeFilter.SHOW_TEXT)
        while (!/here it/.test(texts.currentNode.nodeValue ?? '')) if (!texts.nextNode()) return undefined
        const place = (texts.currentNode as Text).data.indexOf('here it')
        const range = document.createRange()
        range.setStart(texts.currentNode, place + 6)
        range.setEnd(texts.currentNode, place + 7)
        return Math.abs(range.getBoundingClientRect().bottom - mark.getBoundingClientRect().top)
      })
    await expect.poll(offset).toBeLessThan(3)
  })

  test('within the thoughts has its hairline there', async () => {
    const { page, ask } = await open(() => [
      ...from(EDGE, 'First I think here.\n\nThen', 'reasoning_content'),
      ...from(GPU, ' I think there.', 'reasoning_content'),
      'hold',
    ])
    await ask('Tell!')
    await page.locator('.thinking summary').click()
    await page.getByText('Then I think there.').waitFor()
    await expect.poll(() => marked(page, '.thoughts')).toMatchObject({ below: true })
  })

  test('stands in a quiet footer, with details and the reason in words', async () => {
    const { page, ask } = await open(() => [...MOVED.filter((step) => step !== 'hold')])
    await ask('Tell!')
    const footer = page.locator('.facts summary')
    await expect.poll(() => textOf(footer)).toMatch(/^7 edge \+ 8 GPU tokens · \d+ m?s/)
    await footer.click()
    const details = page.locator('.facts dl')
    await expect.poll(() => textOf(details)).toContain('GPU h100, after 7 tokens')
    const text = await textOf(details)
    expect(text).toContain('A long answer goes on with a GPU.')
    expect(text).toContain('Made at the edge7 tokens')
    expect(text).toContain('Made on a GPU8 tokens')
  })

  test('back from an origin that was lost is told', async () => {
    const { ask, sees, page } = await open(() => [
      ...from(GPU, 'A GPU begins'),
      { nanbeige: { event: 'recovered', tokens: 3 } },
      ...from({ ...EDGE, reason: 'recovered' }, ' and the edge ends.'),
      finish(4, 3),
    ])
    await ask('Tell!')
    await sees('GPU lost, going on at the edge.')
    await page.locator('.facts summary').click()
    await sees('The GPU was lost.')
  })

  test('out of a loop is told, by a GPU or by the end of the thinking', async () => {
    const { ask, sees } = await open((question) => [
      ...from(EDGE, 'Round and round and round', 'reasoning_content'),
      { nanbeige: { event: 'rescued', rescue: question, tokens: 5 } },
      ...words('content', 'Out.'),
      finish(6),
    ])
    await ask('answer')
    await sees('It went round in circles, and was led out.')
  })

  test('is told from a stall, in which not even a heartbeat comes', async () => {
    // Of a server without heartbeats: others would have sent the next one within half a second.
    const api = await startScriptedApi()
    api.answers = [begins(`${chunk({ reasoning_content: 'Let me think.' })}\n`)]
    const { page, chat, ask, sees } = await open(() => [])
    const html = `<script type="module" src="${chat.url}/widget.js"></script><nanbeige-chat endpoint="${api.url}"></nanbeige-chat>`
    const site = await listen(new Hono().get('/', (c) => c.html(html)))
    try {
      await page.clock.install()
      await page.goto(site.url)
      await ask('Tell!')
      await page.locator('.thinking.now').waitFor()
      expect(await page.getByText('No sign of the server for a while.').count()).toBe(0)
      await page.clock.fastForward(40_000)
      await sees('No sign of the server for a while.')
    } finally {
      await site.stop()
      await api.stop()
    }
  })

  test('of none: the footer says by whom the answer was made, and why there', async () => {
    const { page, ask, sees } = await open(() => [
      ...from({ ...EDGE, reason: 'no-origin' }, 'All of it here.'),
      finish(4),
    ])
    await ask('Tell!')
    const footer = page.locator('.facts summary')
    await expect.poll(() => textOf(footer)).toMatch(/^4 edge tokens/)
    await footer.click()
    await sees('No GPU is connected.')
  })
})
