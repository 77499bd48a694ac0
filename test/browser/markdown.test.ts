import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { atRest } from './chat-page.ts'
import { chromiumPath, launchChromium } from './chromium.ts'
import { HOSTILE } from './hostile-markdown.ts'
import { startMarkdownPage } from './markdown-page.ts'

interface MarkdownView extends HTMLElement {
  text: string
  options: object
  updateComplete: Promise<boolean>
}

describe.skipIf(!chromiumPath)('Markdown in Chromium (needs one: set CHROMIUM to its path)', () => {
  let server: Awaited<ReturnType<typeof startMarkdownPage>>
  let browser: Browser
  let page: Page
  let complaints: string[]
  let requests: string[]

  beforeAll(async () => {
    server = await startMarkdownPage()
    // A name that is not this machine's own, as a page on http: of the same network has it.
    browser = await launchChromium('--host-resolver-rules=MAP lan.test 127.0.0.1')
  })

  afterAll(async () => {
    await browser?.close()
    await server?.stop()
  })

  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 500, height: 700 } })
    complaints = []
    requests = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    page.on('request', (request) => requests.push(new URL(request.url()).pathname))
    await page.goto(server.url)
    // What shows Markdown is there.
    await show('Hello.')
    await page.locator('.plain').waitFor({ state: 'detached' })
  })

  afterEach(async () => {
    await page.close()
    // What the page's policy forbids is told to the console.
    expect(complaints).toEqual([])
  })

  const markdown = () => page.locator('.markdown')

  const show = (text: string, options: object = {}) =>
    page.evaluate(
      async ([text, options]) => {
        const view = document.querySelector<MarkdownView>('markdown-view')!
        Object.assign(view, { text, options })
        await view.updateComplete
      },
      [text, options] as const,
    )

  /** Shows a text by steps of so many characters, one a frame. */
  const stream = (text: string, step: number, from = 0) =>
    page.evaluate(
      async ([text, step, from]) => {
        const view = document.querySelector<MarkdownView>('markdown-view')!
        for (let at = from; at < text.length; at += step) {
          Object.assign(view, { text: text.slice(0, at), options: { streaming: true } })
          await new Promise(requestAnimationFrame)
        }
        Object.assign(view, { text, options: {} })
        await view.updateComplete
      },
      [text, step, from] as const,
    )

  const html = () => markdown().evaluate((element) => element.innerHTML.replace(/<!--.*?-->/g, ''))
  /** What is shown when nothing is left to do. */
  const settled = () => atRest(page, html)

  const RICH = [
    '# Title\n\nSome **bold *and* text** with `code`, 5~10 **注意：**请看 and $x^2$.\n\n',
    '1. one\n   - nested\n2. two\n\n   ```py\n   def f(x):\n       return x\n   ```\n\n',
    '| a | b |\n|:-:|--:|\n| 1 | 2 |\n| **x** | `y` |\n| 3 | 4 |\n\n',
    `${'A long paragraph has *many* sentences. '.repeat(60)}\n\n`,
    `\`\`\`ts\n${'const value = `text` // a comment\n'.repeat(120)}\`\`\`\n\n`,
    '$$\n\\sum_{i=1}^n \\sqrt{i} \\frac{a}{b}\n$$\n\n- [x] done\n- [ ] open\n\nSee[^1] and [it][2].\n\n',
    '[^1]: A note.\n\n[2]: https://example.com\n',
  ].join('')

  test('what grew is what would be there at once', async () => {
    await show(RICH)
    await page.locator('.katex').first().waitFor({ state: 'attached' })
    await page.locator('.hljs-keyword').first().waitFor()
    const whole = await settled()
    for (const step of [29, 700]) {
      await show('')
      await stream(RICH, step)
      expect(await settled()).toBe(whole)
    }
  })

  const SENTENCE = 'A sentence with **bold** words and `code`. '
  const BLOCKS = [
    `${SENTENCE.repeat(40)}\n\n`,
    `${'- an item $x^2$\n'.repeat(30)}\n`,
    `\`\`\`js\n${'const a = `x` // why\n'.repeat(60)}\`\`\`\n\n`,
    `| a | b |\n|---|---|\n${'| 1 | **2** |\n'.repeat(30)}\n${SENTENCE.repeat(8)}\n`,
  ].join('')
  test.each([
    ['a quote', BLOCKS.replace(/^/gm, '> ')],
    ['an item', `1. One.\n\n${BLOCKS.replace(/^/gm, '   ')}`],
    ['an item in a quote', `> - One.\n>\n${BLOCKS.replace(/^/gm, '>   ')}`],
  ])('%s that grew is what would be there at once, and keeps the nodes that it had', async (_, text) => {
    await show(text)
    await page.locator('.katex').last().waitFor({ state: 'attached' })
    await page.locator('.hljs-keyword').last().waitFor({ state: 'attached' })
    const whole = await settled()
    await show('')
    const beginning = text.indexOf('A sentence', 900)
    await show(text.slice(0, beginning), { streaming: true })
    const first = await markdown().evaluateHandle((markdown) => markdown.querySelector('strong'))
    await stream(text, 50, beginning)
    expect(await settled()).toBe(whole)
    expect(await first.evaluate((strong) => strong!.isConnected)).toBe(true)
  })

  test('formulas are set under a policy without inline styles and fonts, when the first is there', async () => {
    await show('no formula')
    expect(requests.filter((path) => /typeset|fonts/.test(path))).toEqual([])
    await show('so $\\left(\\frac{a}{b}\\right)$ costs $5 or $10, \\[ \\mathcal{L} = \\vec{x} \\]')
    await expect.poll(() => page.locator('.katex').count()).toBe(2)
    expect(await page.locator('.katex-display').count()).toBe(1)
    const height = () =>
      page
        .locator('.katex .mfrac')
        .first()
        .evaluate((element) => element.getBoundingClientRect().height)
    await expect.poll(height).toBeGreaterThan(20)
    expect(
      await page
        .locator('.katex .mathnormal')
        .first()
        .evaluate((element) => getComputedStyle(element).fontFamily),
    ).toBe('KaTeX_Math')
    await expect.poll(() => page.evaluate(() => document.fonts.check('16px KaTeX_Caligraphic'))).toBe(true)
    await expect
      .poll(() => page.evaluate(() => [...document.fonts].every(({ status }) => status === 'loaded')))
      .toBe(true)
  })

  test('a formula that KaTeX does not know stays as it was written', async () => {
    await show('$\\nosuchcommand{x}$ and $y$')
    await page.locator('.katex').waitFor({ state: 'attached' })
    expect(await markdown().textContent()).toContain('$\\nosuchcommand{x}$')
  })

  test('code has its language, colours once the highlighter is there, and can be copied', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    const texts = { copy: '复制', copied: '已复制', notCopied: '无法复制' }
    await show('text', { texts })
    expect(requests.filter((path) => path.includes('highlighter'))).toEqual([])
    await show('```python\ndef f():\n    return "x" # why\n```', { texts })
    await page.locator('.hljs-keyword', { hasText: 'def' }).waitFor()
    expect(await page.locator('.code-head').textContent()).toBe('python复制')
    expect(await page.locator('pre').textContent()).toBe('def f():\n    return "x" # why\n')
    // It says so for a moment only.
    const copied = page.getByRole('button', { name: '已复制' }).waitFor()
    await Promise.all([copied, page.getByRole('button', { name: '复制' }).click()])
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('def f():\n    return "x" # why')
  })

  test.each([
    ['without https', true],
    ['without leave for its clipboard', false],
  ])('code is copied on a page %s, and the button keeps the focus', async (_, isInsecure) => {
    if (isInsecure) await page.goto(server.url.replace('127.0.0.1', 'lan.test'))
    else await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error('no leave'))))
    expect(await page.evaluate(() => navigator.clipboard === undefined)).toBe(isInsecure)
    await show('```js\nconst a = 1\n```')
    const copied = page.getByRole('button', { name: 'Copied' }).waitFor()
    await Promise.all([copied, page.getByRole('button', { name: 'Copy' }).press('Enter')])
    const focused = page.evaluate(() => document.querySelector('markdown-view')!.shadowRoot!.activeElement?.className)
    expect(await focused).toBe('copy')
    await page.evaluate(() => document.body.appendChild(document.createElement('textarea')).focus())
    await page.keyboard.press('Control+V')
    expect(await page.locator('textarea').inputValue()).toBe('const a = 1')
  })

  test('code that cannot be copied is selected, and the button says so', async () => {
    await page.evaluate(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
      document.execCommand = () => false
    })
    await show('```js\nconst a = 1\n```')
    const told = page.getByRole('button', { name: 'Could not copy' }).waitFor()
    await Promise.all([told, page.getByRole('button', { name: 'Copy' }).click()])
    expect(await page.evaluate(() => getSelection()!.toString())).toBe('const a = 1')
    await page.getByRole('button', { name: 'Copy', exact: true }).waitFor()
  })

  test('light Markdown loads neither KaTeX nor the highlighter', async () => {
    await show('$x$\n\n```js\nconst a = 1\n```', { light: true })
    await page.locator('.code').waitFor()
    expect(await page.locator('pre').textContent()).toBe('const a = 1\n')
    expect(await page.locator('p').textContent()).toBe('$x$')
    await page.waitForLoadState('networkidle')
    expect(requests.filter((path) => /typeset|highlighter/.test(path))).toEqual([])
  })

  test('what was shown keeps its nodes: a selection and a scroll position survive', async () => {
    const line = 'const value = compute(everything, that, makes, a, line, too, long, for, the, width, of, the, page)\n'
    const text = `A first paragraph that is read.\n\n\`\`\`js\n${line.repeat(5)}`
    await show(text, { streaming: true })
    await page.locator('.hljs-keyword').first().waitFor()
    await settled()
    await page.evaluate(() => {
      const root = document.querySelector('markdown-view')!.shadowRoot!
      root.querySelector('pre')!.scrollLeft = 120
      const words = document.createTreeWalker(root.querySelector('.lines')!, NodeFilter.SHOW_TEXT)
      const first = words.nextNode()!
      for (let i = 0; i < 4; i++) words.nextNode()
      getSelection()!.setBaseAndExtent(first, 0, words.currentNode, 1)
    })
    const selected = () =>
      page.evaluate(() => {
        const root = document.querySelector('markdown-view')!.shadowRoot!
        const [range] = getSelection()!.getComposedRanges({ shadowRoots: [root] })
        return [range.collapsed, (range.startContainer as Text).data, range.startOffset, range.endOffset]
      })
    const before = await selected()
    expect(before[0]).toBe(false)
    await stream(`${text}${line.repeat(100)}`, 300, text.length)
    expect(await selected()).toEqual(before)
    expect(await page.locator('pre').evaluate((pre) => pre.scrollLeft)).toBe(120)
  })

  test('a selection in a paragraph that grows past its first cut survives', async () => {
    const sentence = 'One sentence that is as good as any other. '
    await show(sentence.repeat(12), { streaming: true })
    await settled()
    await page.evaluate(() => {
      const text = document.querySelector('markdown-view')!.shadowRoot!.querySelector('p')!.firstChild!
      getSelection()!.setBaseAndExtent(text, 4, text, 12)
    })
    await stream(sentence.repeat(60), 40, sentence.length * 12)
    const offsets = await page.evaluate(() => {
      const root = document.querySelector('markdown-view')!.shadowRoot!
      const [range] = getSelection()!.getComposedRanges({ shadowRoots: [root] })
      return [range.startOffset, range.endOffset, root.querySelectorAll('p').length]
    })
    expect(offsets).toEqual([4, 12, 1])
  })

  test('tables scroll by themselves and leave words whole; columns have their alignment', async () => {
    const cells = (text: string) => `| ${Array.from({ length: 9 }, () => text).join(' | ')} |\n`
    await show(`${cells('Heading')}${cells('--:')}${cells('internationalization')}`)
    await settled()
    const table = await page.locator('.table').evaluate((element) => {
      const cell = element.querySelector('td')!
      return {
        scrolls: element.scrollWidth > element.clientWidth,
        page: document.documentElement.scrollWidth <= innerWidth,
        lines: cell.getBoundingClientRect().height < 60,
        align: getComputedStyle(cell).textAlign,
      }
    })
    expect(table).toEqual({ scrolls: true, page: true, lines: true, align: 'end' })
  })

  test('an answer in JSON is a tree that folds', async () => {
    await show('{"name": "Oslo", "tags": [1', { streaming: true })
    expect(await page.locator('pre').textContent()).toBe('{"name": "Oslo", "tags": [1')
    const many = Array.from({ length: 250 }, (_, index) => ({ id: index }))
    await show(JSON.stringify({ name: 'Oslo', tags: [1, true, null], deep: { a: { b: { c: 'hidden' } } }, many }))
    await page.getByText('"Oslo"').waitFor()
    expect(await page.locator('pre').count()).toBe(0)
    expect(await page.getByText('"hidden"').count()).toBe(0)
    for (const key of ['"a"', '"b"']) await page.locator('summary', { hasText: key }).click()
    await page.getByText('"hidden"').waitFor()
    await page.locator('summary', { hasText: '200 … 249' }).click()
    const group = page.locator('details', { has: page.locator('> summary', { hasText: '200 … 249' }) }).last()
    await group.locator('summary', { hasText: '{1}' }).last().click()
    await page.locator('.json-leaf', { hasText: '249' }).waitFor()
    await show('{"not": "JSON"} as text goes on')
    await expect.poll(() => page.locator('.json').count()).toBe(0)
    expect(await markdown().textContent()).toBe('{"not": "JSON"} as text goes on')
  })

  test('a long text that is there at once is shown in many frames', async () => {
    // Looked at before the next frame.
    const early = await page.evaluate(async (text) => {
      const view = document.querySelector<MarkdownView>('markdown-view')!
      Object.assign(view, { text })
      await view.updateComplete
      return view.shadowRoot!.querySelectorAll('h4').length
    }, RICH.repeat(12))
    await expect.poll(() => page.locator('h4').count()).toBe(12)
    expect(early).toBeLessThan(12)
  })

  test('the cursor goes at the end without a new style for all that stands before it', async () => {
    const blocks = [
      'A paragraph.',
      '- an item',
      '> A quote.',
      '```js\nconst a = 1\n```',
      '| a |\n|---|\n| b |',
      '## Title',
      'End.',
    ]
    const text = blocks.join('\n\n')
    await show(text, { streaming: true })
    const cursor = (block: string) =>
      markdown().evaluate(
        (markdown, block) => getComputedStyle(markdown.querySelector(block)!, '::after').content,
        block,
      )
    await settled()
    expect(await cursor(':scope > p:last-child')).toBe('""')
    await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline.invalidationTracking'] })
    await show(text)
    expect(await cursor(':scope > p:last-child')).toBe('none')
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
      traceEvents: { name: string; args: { data?: { changedClass?: string; reason?: string } } }[]
    }
    const data = traceEvents.flatMap(({ args }) => args.data ?? [])
    expect(data.map(({ changedClass }) => changedClass)).toContain('streaming')
    expect(data.map(({ reason }) => reason)).not.toContain('Invalidation set invalidates subtree')
  })

  test('of hostile texts nothing runs and nothing leaves', async () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(200)
    // Formulas are set at once when the first one has been.
    await show('$x$')
    await page.locator('.katex').waitFor({ state: 'attached' })
    const leaked: string[] = []
    page.on('request', (request) => !request.url().startsWith(server.url) && leaked.push(request.url()))
    const found = await page.evaluate(async (texts) => {
      const view = document.querySelector<MarkdownView>('markdown-view')!
      const found: string[] = []
      for (const text of texts) {
        for (const shown of [text.slice(0, text.length / 2), text]) {
          Object.assign(view, { text: shown, options: { streaming: shown !== text } })
          await view.updateComplete
          await new Promise(requestAnimationFrame)
        }
        const root = view.shadowRoot!.querySelector('.markdown')!
        const elements = [...root.querySelectorAll('*')]
        const bad = elements.filter(
          (element) =>
            /^(script|img|image|iframe|object|embed|link|style|form|base|meta|video|audio|template)$/i.test(
              element.tagName,
            ) ||
            [...element.attributes].some(({ name, value }) => {
              return (
                name.startsWith('on') ||
                /^\s*javascript:/i.test(value) ||
                (!['href', 'data-source'].includes(name) && value.includes('leak'))
              )
            }) ||
            (element.tagName === 'A' &&
              !/^(https?:|mailto:|#note|#reference|$)/.test(element.getAttribute('href') ?? '')),
        )
        if (bad.length > 0 || 'ran' in window || 'ran' in {})
          found.push(`${text} → ${bad.map(({ outerHTML }) => outerHTML)}`)
        for (const element of elements) element.dispatchEvent(new MouseEvent('mouseover'))
      }
      return found
    }, HOSTILE)
    expect(found).toEqual([])
    expect(leaked).toEqual([])
    expect(new URL(page.url()).pathname).toBe('/')
  })
})
