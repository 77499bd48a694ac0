// Pictures of the widget in all its states, for who changes how it looks:
//   npm run screenshots              all scenes
//   npm run screenshots -- moved     one of them
// They stand in dist/screenshots/SCENE-WIDTH-SCHEME.png. The answers are scripted (scenes.ts), so that two runs show the same.
// Chinese takes a font that has it (Debian: fonts-wqy-microhei).
import { mkdir } from 'node:fs/promises'
import type { Browser } from 'playwright-core'
import { chromiumPath, launchChromium } from '../../test/browser/chromium.ts'
import { startScriptedChat } from '../../test/support/scripted-chat.ts'
import { type Scene, scenes } from './scenes.ts'

const FOLDER = 'dist/screenshots'
const SIZES = [
  { width: 1440, height: 900 },
  { width: 390, height: 844 },
  { width: 320, height: 640 },
]

if (!chromiumPath) throw new Error('No Chromium here: set CHROMIUM to its path.')
const chosen = process.argv.slice(2)
await mkdir(FOLDER, { recursive: true })
const browser = await launchChromium()
try {
  for (const scene of scenes) if (chosen.length === 0 || chosen.includes(scene.name)) await take(browser, scene)
} finally {
  await browser.close()
}

async function take(browser: Browser, scene: Scene): Promise<void> {
  const api = await startScriptedChat(scene.script)
  const context = await browser.newContext({ viewport: SIZES[0], locale: scene.lang ?? 'en' })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const element = page.locator('nanbeige-chat')
  try {
    await page.clock.install({ time: new Date('2026-01-01T12:00:00Z') })
    await page.goto(api.url)
    if (scene.lang) await element.evaluate((chat, lang) => Object.assign(chat, { lang }), scene.lang)
    const log = () => element.getByRole('log')
    await scene.act({
      page,
      api,
      async ask(question) {
        await element.locator('textarea').fill(question)
        await element.locator('textarea').press('Enter')
      },
      sees: (text) => log().getByText(text).last().waitFor({ state: 'attached' }),
      pass: (seconds) => page.clock.fastForward(seconds * 1000),
      press: (button) => element.getByRole('button', { name: button }).last().click(),
    })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const size of SIZES) {
        await page.setViewportSize(size)
        // What moves comes to rest, and late parts come.
        await page.waitForTimeout(400)
        await page.screenshot({ path: `${FOLDER}/${scene.name}-${size.width}-${colorScheme}.png` })
      }
    }
    console.log(scene.name)
  } catch (error) {
    process.exitCode = 1
    console.error(`${scene.name}: ${(error as Error).message}`)
  } finally {
    await context.close()
    await api.stop()
  }
}
