import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type ServeCommand, serveCommand } from '../../test/support/serve-command.ts'
import { ggufBytes, tinyMetadata, tinyTensors } from '../../test/support/tiny-gguf.ts'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'

const CLI = new URL('main.ts', import.meta.url).pathname

let pack: TinyPack
let gguf: string
let env: NodeJS.ProcessEnv
const running: ServeCommand[] = []

beforeAll(async () => {
  pack = await tinyPack()
  gguf = join(pack.root, 'small.gguf')
  await writeFile(gguf, ggufBytes(tinyMetadata, tinyTensors('F16')))
  await mkdir(join(pack.root, 'tmp'))
  const { HOST: _, PORT: __, ...others } = process.env
  env = { ...others, HOME: pack.root, TMPDIR: join(pack.root, 'tmp') }
})
afterEach(async () => {
  for (const served of running.splice(0)) await served.stop()
})
afterAll(() => pack.remove())

/** Serves until the test has ended. */
async function serve(...args: string[]): Promise<ServeCommand> {
  const served = await serveCommand(args, env)
  running.push(served)
  return served
}

const refusal = (...args: string[]) =>
  promisify(execFile)(process.execPath, [CLI, 'serve', '--port', '0', ...args], { env }).then(
    () => expect.fail('it serves'),
    ({ code, stderr }) => ({ code, stderr }),
  )

async function tokens(url: string, key: Record<string, string> = {}): Promise<number> {
  const headers = { 'Content-Type': 'application/json', ...key }
  const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 3 })
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })
  const { usage } = (await response.json()) as { usage: { completion_tokens: number } }
  return usage.completion_tokens
}

describe('serve', () => {
  it('packs a GGUF file and serves it', async () => {
    const { url, output } = await serve(gguf, '--planes', 'ffn=3', '--context', '64', '--sequences', '2')
    expect(output).toMatch(/^small at .*planes: .*ffn 3.*context: 64 tokens, 2 answers at a time/m)
    expect(output).toContain(`${url}/v1/chat/completions`)
    expect(await tokens(url)).toBeGreaterThan(0)
    expect((await fetch(url)).headers.get('content-type')).toMatch(/text\/html/)
  })

  it('serves a pack where it lies, to who has the key, and leaves nothing behind', async () => {
    const { url, output, stop } = await serve(pack.folder, '--key', 'secret-key')
    expect(output).toMatch(/^tiny at /m)
    expect(output).not.toContain('secret')
    expect((await fetch(`${url}/v1/models`)).status).toBe(401)
    expect(await tokens(url, { Authorization: 'Bearer secret-key' })).toBeGreaterThan(0)
    expect(await stop('SIGTERM')).toBe(0)
    expect((await readdir(env.TMPDIR!)).filter((name) => name.startsWith('nanbeige-edge'))).toEqual([])
  })

  it('writes a line of its log for each request, and none into a chat', async () => {
    const served = await serve(pack.folder)
    await tokens(served.url)
    await expect
      .poll(() => served.output)
      .toMatch(/^\{"event":"request",.*"path":"\/v1\/chat\/completions","status":200/m)
    const chat = promisify(execFile)(process.execPath, [CLI, 'chat', pack.folder], { env })
    chat.child.stdin!.end('ab')
    const { stdout, stderr } = await chat
    expect(stdout + stderr).not.toContain('"event"')
  })

  it('serves other machines only where it is said who may ask', async () => {
    const refused = {
      code: 1,
      stderr: expect.stringMatching(
        /^nanbeige-edge: at 0\.0\.0\.0 other machines reach this server: .*--key.*--public.*\n$/,
      ),
    }
    expect(await refusal(pack.folder, '--host', '0.0.0.0')).toEqual(refused)
    const keys = join(pack.root, 'keys.json')
    await writeFile(
      keys,
      JSON.stringify([{ name: 'one', sha256: createHash('sha256').update('secret').digest('hex') }]),
    )
    const withKeys = await serve(pack.folder, '--host', '0.0.0.0', '--keys', keys)
    expect((await fetch(`${withKeys.url}/v1/models`)).status).toBe(401)
    expect(await tokens(withKeys.url, { Authorization: 'Bearer secret' })).toBeGreaterThan(0)
    const open = await serve(pack.folder, '--host', '0.0.0.0', '--public', '--allowed-origins', 'https://shop.example')
    const response = await fetch(`${open.url}/v1/models`, { headers: { Origin: 'https://shop.example' } })
    expect(response.status).toBe(200)
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('10')
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://shop.example')
    expect((await fetch(open.url)).headers.get('Content-Security-Policy')).toContain(
      "frame-ancestors 'self' https://shop.example",
    )
  })

  it('says in one line what it cannot serve', async () => {
    const line = (text: string) => ({
      code: 1,
      stderr: expect.stringMatching(new RegExp(`^nanbeige-edge: .*${text}.*\n$`)),
    })
    expect(await refusal(join(pack.root, 'none.gguf'))).toEqual(line('none.gguf: there is no such file; give a pack'))
    expect(await refusal(pack.folder, '--planes', '4')).toEqual(line('is a pack already'))
    expect(await refusal(gguf, '--planes', '9')).toEqual(line('9 is not a number from 2 to 8'))
    expect(await refusal(join(pack.root, 'tmp'))).toEqual(line('there is no config.json'))
    expect(await refusal(pack.folder, '--origin', 'gpu:8000')).toEqual(line('gpu:8000 is no address'))
    expect(await refusal(pack.folder, '--keys', join(pack.root, 'none.json'))).toEqual(line('none.json'))
    expect(await refusal(pack.folder, '--allowed-origins', 'shop.example')).toEqual(line("'shop.example' is no origin"))
    expect(await refusal(pack.folder, '--key', '')).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^error: option '--key <key>' argument '' is invalid/),
    })
    expect(await refusal(pack.folder, '--context', '0')).toEqual({
      code: 1,
      stderr: "error: option '--context <tokens>' argument '0' is invalid. It is not a whole number above 0.\n",
    })
  })
})
