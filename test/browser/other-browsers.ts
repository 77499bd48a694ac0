import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import puppeteer from 'puppeteer-core'
import { Builder, Capabilities } from 'selenium-webdriver'
import { vi } from 'vitest'

/** A page in a browser that Playwright does not drive as Debian has it. */
export interface OtherBrowser {
  open(url: string): Promise<void>
  /** Runs a function of its own, without what is around it, in the page. */
  run<Value>(inPage: (argument: string) => Value, argument?: string): Promise<Awaited<Value>>
  /** Keys, as a keyboard sends them to what has the focus. '\n' is Enter. */
  type(text: string): Promise<void>
  close(): Promise<void>
}

interface Installed {
  readonly name: string
  /** Names of Debian's packages. */
  readonly packages: string
  readonly isInstalled: boolean
  launch(): Promise<OtherBrowser>
}

const FIREFOX = [process.env.FIREFOX, '/usr/bin/firefox-esr', '/usr/bin/firefox'].find(
  (path) => path && existsSync(path),
)
const MINI_BROWSER = ['4.1', '4.0', '6.0']
  .map((version) => `/usr/lib/x86_64-linux-gnu/webkit2gtk-${version}/MiniBrowser`)
  .find(existsSync)
const XVFB = '/usr/bin/Xvfb'
const WEBKIT_DRIVER = '/usr/bin/WebKitWebDriver'

export const otherBrowsers: readonly Installed[] = [
  { name: 'Firefox', packages: 'firefox-esr', isInstalled: FIREFOX !== undefined, launch: launchFirefox },
  {
    name: 'WebKit',
    packages: 'webkit2gtk-driver xvfb',
    isInstalled: MINI_BROWSER !== undefined && [XVFB, WEBKIT_DRIVER].every((path) => existsSync(path)),
    launch: launchWebKit,
  },
]

/** Not by Playwright: 1.65 asks Firefox for `emulation.setMediaFeaturesOverride`, which 153 does not know. */
async function launchFirefox(): Promise<OtherBrowser> {
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath: FIREFOX, headless: true })
  const page = await browser.newPage()
  return {
    open: async (url) => {
      await page.goto(url)
    },
    run: (inPage, argument = '') => page.evaluate(inPage, argument),
    type: (text) => page.keyboard.type(text),
    close: () => browser.close(),
  }
}

/** WebKitGTK's own small browser, on a screen of its own: it has no other way to run without one. */
async function launchWebKit(): Promise<OtherBrowser> {
  const screen = spawn(XVFB, ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const [display] = (await once((screen.stdio[3] as Readable).setEncoding('utf8'), 'data')) as [string]
  const port = await freePort()
  const driver = spawn(WEBKIT_DRIVER, [`--port=${port}`, '--host=127.0.0.1'], {
    // Its sandbox wants user namespaces, which containers have not.
    env: { ...process.env, DISPLAY: `:${display.trim()}`, WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' },
    stdio: 'ignore',
  })
  const url = `http://127.0.0.1:${port}`
  await vi.waitUntil(() => fetch(`${url}/status`).catch(() => undefined), { timeout: 20_000, interval: 50 })
  const session = await new Builder()
    .usingServer(url)
    .withCapabilities(
      new Capabilities({
        browserName: 'MiniBrowser',
        'webkitgtk:browserOptions': { binary: MINI_BROWSER, args: ['--automation'] },
      }),
    )
    .build()
  return {
    open: (url) => session.get(url),
    run: (inPage, argument = '') => session.executeScript(inPage, argument),
    type: (text) => session.actions().sendKeys(text.replaceAll('\n', '\uE007')).perform(),
    async close() {
      await session.quit()
      for (const child of [driver, screen]) {
        child.kill()
        await once(child, 'exit')
      }
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
