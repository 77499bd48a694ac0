import { execFile } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, launchChromium } from '../browser/chromium.ts'
import { type ListeningApp, listen } from '../support/listen.ts'
import { words } from '../support/scripted-answer.ts'
import { type ScriptedChat, startScriptedChat } from '../support/scripted-chat.ts'
import { apps, appsFolder, buildApps } from './build-apps.ts'

const run = promisify(execFile)

let folder: string
let files: string[]

beforeAll(async () => {
  folder = await appsFolder()
  files = await buildApps(folder)
})
afterAll(() => rm(folder, { recursive: true }))

test('the tarball has the module, its types, its manifest and the licences of what is in it', async () => {
  expect(files).toEqual(
    expect.arrayContaining([
      ...['LICENSE', 'README.md', 'THIRD-PARTY-LICENSES.txt', 'custom-elements.json', 'package.json', 'widget.js'],
      ...['types/public.d.ts', 'types/react.d.ts'],
    ]),
  )
  const licences = await readFile(join(folder, 'package/THIRD-PARTY-LICENSES.txt'), 'utf8')
  for (const name of ['lit-html', 'marked', 'dompurify', 'idb']) expect(licences).toMatch(new RegExp(`^${name}$`, 'm'))
  expect(await readFile(join(folder, 'package/README.md'), 'utf8')).not.toContain('](../')
})

test('a page in TypeScript and an app in TSX compile against the types', async () => {
  const options = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'nodenext', '--jsx', 'react-jsx']
  const tsc = new URL('../../node_modules/typescript/bin/tsc', import.meta.url).pathname
  const sources = ['page.ts', 'app.tsx']
  // What it finds wrong is on its standard output, which goes into the error.
  await run(process.execPath, [tsc, '--ignoreConfig', '--types', '', ...options, ...sources], { cwd: folder }).catch(
    ({ stdout }) => {
      throw new Error(stdout)
    },
  )
})

describe.skipIf(!chromiumPath)('in Chromium (needs one: set CHROMIUM to its path)', () => {
  let api: ScriptedChat
  let site: ListeningApp
  let browser: Browser

  beforeAll(async () => {
    api = await startScriptedChat((question) => [
      { delta: { reasoning_content: 'Hm.' }, nanbeige: { source: 'edge', reason: 'may-get-long', edge_tokens: 0 } },
      {
        delta: { content: 'You asked: ' },
        nanbeige: { source: 'origin', origin: 'gpu', reason: 'budget', edge_tokens: 3 },
      },
      ...words('content', `**${question}** They are \`quick\`, $v^2$.\n\n\`\`\`js\nlet fox\n\`\`\``),
      { finish: 'stop' },
    ])
    site = await listen(sites(api.url))
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
    await site?.stop()
    await api?.stop()
  })

  /** Pages of another origin than the API's, with a policy that lets them do no more than they need. */
  function sites(apiUrl: string): Hono {
    const policy = (framework: readonly string[]) =>
      [
        ...["default-src 'none'", "script-src 'self'", "style-src 'self'", `connect-src ${apiUrl}`, "base-uri 'none'"],
        ...["form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"],
        `trusted-types lit-html dompurify ${framework.join(' ')}`,
      ].join('; ')
    const app = new Hono()
    for (const [name, framework] of Object.entries(apps)) {
      app.get(`/${name}.html`, async (c, next) => {
        await next()
        c.header('Content-Security-Policy', policy(framework))
      })
    }
    return app.use(serveStatic({ root: join(folder, 'site') }))
  }

  test.each(Object.keys(apps))('an app with %s shows an answer under a strict policy', async (name) => {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    try {
      await page.goto(`${site.url}/${name}.html?api=${api.url}`)
      // A property: one of the suggestions, which asks.
      await page.getByRole('button', { name: 'What is a fox?' }).click()
      // Formulas and code come with parts of the package that the app's bundler has placed.
      await page.locator('.markdown math').waitFor({ state: 'attached' })
      await page.locator('.markdown pre span').first().waitFor()
      expect(await page.locator('.markdown strong').textContent()).toBe('What is a fox?')
      expect(api.requests.at(-1)!.authorization).toBe('Bearer token-of-the-page')
      await expect
        .poll(() => page.evaluate(() => (globalThis as unknown as { happened: string[] }).happened))
        .toEqual(['send', 'reasoning', 'handover', 'finish'])
      expect(complaints).toEqual([])
    } finally {
      await page.close()
    }
  })
})
