import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningWorker, startWorker } from '../../src/serve/start-worker.ts'
import { chromiumPath, launchChromium } from './chromium.ts'

const BODY = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2 })

/** All that a page can do to another server, by name. Runs in the page. */
const ATTACKS: Readonly<Record<string, (endpoint: string, body: string) => Promise<unknown>>> = {
  'a request with text': (endpoint, body) =>
    fetch(`${endpoint}/v1/chat/completions`, { method: 'POST', mode: 'no-cors', body }),
  'a request with JSON': (endpoint, body) =>
    fetch(`${endpoint}/v1/chat/completions`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body }),
  'a request with JSON that asks nobody before': (endpoint, body) =>
    fetch(`${endpoint}/v1/chat/completions`, {
      method: 'POST',
      mode: 'no-cors',
      body: new Blob([body], { type: 'text/plain;charset=application/json' }),
    }),
  'a beacon': async (endpoint, body) =>
    navigator.sendBeacon(`${endpoint}/v1/responses`, new Blob([body], { type: 'application/json' })),
  'a form': (endpoint, body) =>
    new Promise((resolve) => {
      const frame = Object.assign(document.createElement('iframe'), { name: 'target' })
      const form = Object.assign(document.createElement('form'), {
        method: 'POST',
        enctype: 'text/plain',
        action: `${endpoint}/v1/chat/completions`,
        target: 'target',
      })
      const [start, end] = body.split('Hi')
      form.append(Object.assign(document.createElement('input'), { name: start, value: end }))
      document.body.append(frame, form)
      frame.onload = resolve
      form.submit()
    }),
  'an image': (endpoint) =>
    new Promise((resolve) => {
      const image = new Image()
      image.onerror = image.onload = resolve
      image.src = `${endpoint}/v1/models`
    }),
  'a frame': (endpoint) =>
    new Promise((resolve) => {
      const frame = document.createElement('iframe')
      frame.onload = resolve
      frame.src = `${endpoint}/v1/models`
      document.body.append(frame)
    }),
  'a stream': (endpoint) =>
    new Promise((resolve) => {
      const source = new EventSource(`${endpoint}/v1/chat/completions/x/events`)
      source.onerror = () => resolve(source.close())
    }),
  'a socket': (endpoint) =>
    new Promise((resolve) => {
      new WebSocket(`${endpoint.replace('http', 'ws')}/v1/chat/completions`).onerror = resolve
    }),
  'a frame without an origin': (endpoint, body) =>
    new Promise((resolve) => {
      const frame = document.createElement('iframe')
      frame.setAttribute('sandbox', 'allow-scripts')
      frame.srcdoc = `<script>fetch(${JSON.stringify(`${endpoint}/v1/chat/completions`)}, { method: 'POST',
        headers: { 'Content-Type': 'application/json' }, body: ${JSON.stringify(body)} })
        .finally(() => parent.postMessage('done', '*'))</script>`
      addEventListener('message', resolve)
      document.body.append(frame)
    }),
}

describe.skipIf(!chromiumPath)('pages of other sites (needs Chromium: set CHROMIUM to its path)', () => {
  let site: Server
  let sitePort: number
  let browser: Browser

  beforeAll(async () => {
    site = createServer((_, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<body></body>'))
    site.listen(0, '127.0.0.1')
    await once(site, 'listening')
    sitePort = (site.address() as AddressInfo).port
    // As a site may have its own names resolve.
    browser = await launchChromium('--host-resolver-rules=MAP *.example 127.0.0.1')
  })
  afterAll(async () => {
    await browser?.close()
    site.closeAllConnections()
    site.close()
  })

  async function pageAt(url: string): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(url)
    return page
  }

  /** Status of a question that a page asks; undefined: the browser refuses. */
  const ask = (page: Page, endpoint: string, key?: string) =>
    page.evaluate(
      ([endpoint, body, key]) =>
        fetch(`${endpoint}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key}` }) },
          body,
        }).then(
          (response) => response.status,
          () => undefined,
        ),
      [endpoint, BODY, key] as const,
    )

  test('spend nothing of a server on this machine, whatever they try', async () => {
    const server = await startWorker({ port: 0, silent: true })
    try {
      const health = async () => (await fetch(`${server.url}/healthz`)).json()
      const untouched = expect.objectContaining({ weights: 'not loaded', tokensComputed: 0 })
      const foreign = await pageAt(`http://foreign.example:${sitePort}`)
      for (const [name, attack] of Object.entries(ATTACKS)) {
        await foreign.evaluate(`(${attack})(${JSON.stringify(server.url)}, ${JSON.stringify(BODY)}).catch(() => {})`)
        expect(await health(), name).toEqual(untouched)
      }
      // Its own name, which now is this machine's: of the same origin as the chat page, and not in the way of it.
      const rebound = server.url.replace('localhost', 'rebound.example')
      const page = await pageAt(rebound)
      expect(await ask(page, rebound)).toBe(403)
      expect(await health()).toEqual(untouched)

      // Nobody is to click, in a frame, on what they do not see.
      const framed = await foreign
        .evaluate((url) => {
          const frame = document.createElement('iframe')
          document.body.append(frame)
          return new Promise((resolve) => {
            frame.onload = resolve
            frame.src = url
          })
        }, server.url)
        .then(() => foreign.frames().at(-1)!)
      await expect.poll(() => framed.url()).toMatch(/^chrome-error:/)

      const neighbour = await pageAt(`http://localhost:${sitePort}`)
      expect(await ask(neighbour, server.url)).toBe(200)
      expect(await ask(await pageAt(server.url), server.url)).toBe(200)
      expect(await health()).toMatchObject({ weights: 'loaded', tokensComputed: expect.any(Number) })
    } finally {
      await server.stop()
    }
  })

  test('ask where their site is named, with a key', async () => {
    const keys = [{ name: 'one', sha256: createHash('sha256').update('secret').digest('hex') }]
    let server: RunningWorker | undefined
    try {
      server = await startWorker({
        port: 0,
        vars: { API_KEYS: JSON.stringify(keys), ALLOWED_ORIGINS: `http://shop.example:${sitePort}` },
      })
      const shop = await pageAt(`http://shop.example:${sitePort}`)
      expect(await ask(shop, server.url, 'secret')).toBe(200)
      expect(await ask(shop, server.url, 'wrong')).toBe(401)
      expect(await ask(await pageAt(`http://other.example:${sitePort}`), server.url, 'secret')).toBeUndefined()
    } finally {
      await server?.stop()
    }
  })
})
