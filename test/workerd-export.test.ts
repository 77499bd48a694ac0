import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { freePorts } from './pipeline/workerd-process.ts'

let out: string
let url: string
let workerd: ChildProcess | undefined

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'workerd-export-'))
  await promisify(execFile)(process.execPath, ['scripts/export-workerd.ts', out])
  // What is exported listens at all networks.
  const [port] = await freePorts(1)
  url = `http://127.0.0.1:${port}`
  const config = await readFile(join(out, 'config.capnp'), 'utf8')
  await writeFile(join(out, 'config.capnp'), config.replace('*:8787', `127.0.0.1:${port}`))
})
afterAll(async () => {
  await stop()
  await rm(out, { recursive: true })
})

/** As the image does: from its folder, with nothing but these variables. */
async function start(env: Record<string, string>): Promise<void> {
  await stop()
  workerd = spawn('./workerd', ['serve', 'config.capnp'], { cwd: out, env, stdio: 'ignore' })
  await vi.waitUntil(() => fetch(`${url}/healthz`).catch(() => undefined), { timeout: 30_000, interval: 50 })
}

async function stop(): Promise<void> {
  if (!workerd) return
  const exit = once(workerd, 'exit')
  workerd.kill('SIGTERM')
  await exit
  workerd = undefined
}

const ask = (headers: Record<string, string> = {}, fields: object = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'Hi!' }], max_tokens: 4, temperature: 0, ...fields }),
  })

it('workerd alone serves the API and the page, and nothing else of its files', async () => {
  await start({ ACCESS: 'loopback', ALLOWED_ORIGINS: 'https://shop.example' })
  const response = await ask()
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ usage: { completion_tokens: 4 } })
  expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ status: 'ok', weights: 'loaded' })
  // The grammars are a module of their own, which is loaded late.
  const constrained = await ask({}, { structured_outputs: { choice: ['yes', 'no'] } })
  expect(await constrained.json()).toMatchObject({
    choices: [{ message: { content: expect.stringMatching(/^(yes|no)$/) } }],
  })
  const page = await fetch(url)
  expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
  expect(page.headers.get('Content-Security-Policy')).toMatch(
    /default-src 'none'.*, frame-ancestors 'self' https:\/\/shop\.example$/,
  )
  expect(await page.text()).toContain('<nanbeige-chat')
  const widget = await fetch(`${url}/widget.js`, { method: 'HEAD' })
  expect(widget.headers.get('Access-Control-Allow-Origin')).toBe('*')
  const docs = await fetch(`${url}/docs`)
  expect([docs.headers.get('Content-Type'), await docs.text()]).toEqual([
    expect.stringMatching(/^text\/html/),
    expect.stringContaining('/v1/models'),
  ])
  expect(await (await fetch(`${url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.1' })
  for (const path of ['/weights/smollm2-135m-instruct/manifest.json', '/config.capnp', '/index.html']) {
    expect((await fetch(url + path)).status).toBe(404)
  }
})

it('takes keys and the number of answers from the environment', async () => {
  const sha256 = '2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b' // of "secret"
  await start({ API_KEYS: JSON.stringify([{ name: 'one', sha256 }]), SEQUENCES: '2' })
  expect((await ask()).status).toBe(401)
  expect((await ask({ Authorization: 'Bearer secret' })).status).toBe(200)
  await start({ SEQUENCES: 'many', ACCESS: 'loopback' })
  expect(await (await ask()).json()).toMatchObject({
    error: { code: 'edge_limits_invalid', message: expect.stringMatching(/^The variable SEQUENCES cannot be used/) },
  })
})

it('has no secret of this machine in it', async () => {
  const files = (await readdir(out)).filter((file) => !file.endsWith('.wasm'))
  expect(files.sort()).toEqual(['assets', 'config.capnp', 'front.js', 'storage', 'worker.js', 'workerd'])
  const config = await readFile(join(out, 'config.capnp'), 'utf8')
  expect(config.match(/json = /g)).toHaveLength(3)
})
