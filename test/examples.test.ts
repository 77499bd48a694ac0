import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startWorker } from '../src/serve/start-worker.ts'
import { loadTokenizer } from '../src/tokenizer/load.ts'
import { chromiumPath, launchChromium } from './browser/chromium.ts'
import { isInstalled } from './clients/python.ts'
import { type FakeOrigin, startFakeOrigin } from './origins/fake-origin.ts'
import { END_OF_TURN } from './origins/worker-with-origin.ts'
import { freePorts } from './pipeline/workerd-process.ts'
import { type ServeCommand, serveCommand } from './support/serve-command.ts'
import { smolLm2Tables } from './support/smollm2-tokenizer-tables.ts'

const run = promisify(execFile)

let origin: FakeOrigin
let server: ServeCommand
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  const tokenizer = loadTokenizer(smolLm2Tables()!)
  const [word] = tokenizer.encode(' whale')
  origin = await startFakeOrigin({
    ...{ kind: 'vllm', model: 'smollm2-135m-instruct', tokenizer, eosId: END_OF_TURN },
    next: () => word,
  })
  // The command of examples/README.md; what is there asked of llama-server is asked of a scripted server.
  server = await serveCommand(['--origin', `vllm+${origin.url}`])
  env = { ...process.env, BASE_URL: `${server.url}/v1` }
})
afterAll(async () => {
  await server.stop()
  await origin.stop()
})

describe('examples', () => {
  it('curl.sh', async () => {
    const { stdout } = await run('sh', ['examples/curl.sh'], { env })
    const [whole, ...events] = stdout.split('\n').filter((line) => line !== '')
    expect(JSON.parse(whole).choices[0].message.content).toMatch(/\w/)
    expect(events).toContain('data: [DONE]')
  })

  const lines = /^Model: smollm2-135m-instruct\nWhole: .*\w.*\nStreamed: .*\w.*\n$/s

  it('openai-client.mjs', async () => {
    const { stdout } = await run(process.execPath, ['examples/openai-client.mjs'], { env })
    expect(stdout).toMatch(lines)
  })

  it.skipIf(!isInstalled('openai-2'))('openai_client.py (installed by scripts/install-python-clients.sh)', async () => {
    const python = 'node_modules/.cache/python-clients/openai-2/bin/python'
    const { stdout } = await run(python, ['examples/openai_client.py'], { env })
    expect(stdout).toMatch(lines)
  })

  it('widget-token.mjs', async () => {
    const site = 'https://shop.example'
    const keys = [{ name: 'one', sha256: createHash('sha256').update('secret').digest('hex') }]
    const edge = await startWorker({
      port: 0,
      vars: { API_KEYS: JSON.stringify(keys), ALLOWED_ORIGINS: site },
    })
    const [port] = await freePorts(1)
    const variables = { BASE_URL: `${edge.url}/v1`, API_KEY: 'secret', SITE: site, PORT: String(port) }
    const example = spawn(process.execPath, ['examples/widget-token.mjs'], { env: { ...env, ...variables } })
    try {
      const tokenUrl = `http://127.0.0.1:${port}`
      await vi.waitUntil(() => fetch(tokenUrl).catch(() => undefined), { timeout: 20_000, interval: 50 })
      const { token } = (await (await fetch(tokenUrl)).json()) as { token: string }
      const models = (origin: string) =>
        fetch(`${edge.url}/v1/models`, { headers: { Origin: origin, Authorization: `Bearer ${token}` } })
      expect((await models(site)).status).toBe(200)
      expect((await models('https://other.example')).status).toBe(403)
    } finally {
      example.kill()
      await edge.stop()
    }
  })

  it('origin.sh', async () => {
    const { stdout } = await run('sh', ['examples/origin.sh'], { env })
    const { nanbeige } = JSON.parse(`{${stdout}}`)
    expect(nanbeige.route).toBe('edge-then-origin')
    expect(nanbeige.edge_tokens).toBeGreaterThan(0)
    expect(nanbeige.origin_tokens).toBeGreaterThan(0)
    expect(nanbeige.edge_tokens + nanbeige.origin_tokens).toBe(600)
  })

  it.skipIf(!chromiumPath)('embed.html, from another site (needs Chromium: set CHROMIUM to its path)', async () => {
    const html = await readFile('examples/embed.html', 'utf8')
    const site = createServer((_, response) =>
      response
        .writeHead(200, { 'Content-Type': 'text/html' })
        .end(html.replaceAll('http://localhost:8787', server.url)),
    ).listen(0, '127.0.0.1')
    await once(site, 'listening')
    const browser = await launchChromium()
    try {
      const page = await browser.newPage()
      await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}`)
      await page.getByLabel('Message').fill('What is the capital of France?')
      await page.getByLabel('Message').press('Enter')
      await expect
        .poll(() => page.locator('article.assistant .markdown').last().textContent(), { timeout: 60_000 })
        .toMatch(/\w/)
    } finally {
      await browser.close()
      site.closeAllConnections()
      site.close()
    }
  })
})
