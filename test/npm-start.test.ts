import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask } from './pipeline/completion.ts'
import { freePorts } from './pipeline/workerd-process.ts'

const run = promisify(execFile)
/** For what takes seconds on a busy machine. */
const PATIENT = { timeout: 60_000 }

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'npm-start-'))
})
afterAll(() => rm(root, { recursive: true }))

describe('the packages', () => {
  /** What npm was called with. */
  let calls: () => Promise<string>
  let setup: () => Promise<unknown>

  beforeAll(async () => {
    const [bin, log] = [join(root, 'bin'), join(root, 'calls')]
    await Promise.all([mkdir(bin), mkdir(join(root, 'scripts'))])
    await copyFile('scripts/setup.mjs', join(root, 'scripts/setup.mjs'))
    await writeFile(join(root, 'package-lock.json'), '{}')
    await writeFile(join(bin, 'npm'), `#!/bin/sh\necho "$@" >> ${log}\n`)
    await chmod(join(bin, 'npm'), 0o755)
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` }
    setup = () => run(process.execPath, [join(root, 'scripts/setup.mjs')], { env })
    calls = async () => {
      const text = await readFile(log, 'utf8').catch(() => '')
      await rm(log, { force: true })
      return text
    }
  })

  // npm 10 and 11 write package-lock.json differently: neither command writes it.
  it('are installed by a command that leaves package-lock.json as it is, and once', async () => {
    await setup()
    expect(await calls()).toMatch(/^ci /)
    await mkdir(join(root, 'node_modules/.cache'), { recursive: true })
    await writeFile(join(root, 'node_modules/.package-lock.json'), '{}')
    await setup()
    expect(await calls()).toBe('')
    // `npm ci` would delete what is in .cache.
    await utimes(join(root, 'node_modules/.package-lock.json'), 0, 0)
    await setup()
    expect(await calls()).toMatch(/^install --no-save /)
  })
})

describe('npm run serve', () => {
  const serve = (variables: Record<string, string>, ...args: string[]) =>
    run(process.execPath, ['src/cli/main.ts', 'serve', ...args], { env: { ...process.env, ...variables } }).then(
      () => expect.fail('it serves'),
      ({ code, stderr }) => ({ code, stderr }),
    )

  it.for<[string, Record<string, string>, RegExp]>([
    ['a PORT of letters', { PORT: 'abc' }, /abc is no port; .*--port 8788 or PORT=8788/],
    ['a PORT past the last', { PORT: '65536' }, /65536 is no port/],
    ['a HOST that nothing has', { HOST: '192.0.2.1' }, /host 192\.0\.2\.1 is no address of this machine .*0\.0\.0\.0/],
    ['a HOST that is no address', { HOST: '1.2.3.4.5' }, /host 1\.2\.3\.4\.5 is no address of this machine/],
  ])('refuses %s in one line', async ([, variables, message]) => {
    const { code, stderr } = await serve(variables)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^nanbeige-edge: .*\n$/)
    expect(stderr).toMatch(message)
  })

  it('names a port that is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const { code, stderr } = await serve({ PORT: String(port), HOST: '' })
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`^nanbeige-edge: port ${port} is taken; .*--port \\d+\n$`))
    await new Promise((resolve) => taken.close(resolve))
  })

  it('serves at HOST alone, hangs up for who hangs up, and leaves nothing behind when it is stopped', async () => {
    const [port] = await freePorts(1)
    const temporary = join(root, 'tmp')
    await mkdir(temporary)
    const env = { ...process.env, HOST: '127.0.0.2', PORT: String(port), TMPDIR: temporary }
    const server = spawn(process.execPath, ['src/cli/main.ts', 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
    const exit = once(server, 'exit')
    const url = `http://127.0.0.2:${port}`
    try {
      let output = ''
      server.stdout.setEncoding('utf8').on('data', (text) => {
        output += text
      })
      await expect.poll(() => output, PATIENT).toContain('Ctrl-C')
      expect(output).toContain(`${url}/v1/chat/completions`)
      await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow()

      const tokensComputed = async () => {
        const { tokensComputed } = (await (await fetch(`${url}/healthz`)).json()) as { tokensComputed: number }
        return tokensComputed
      }
      const client = new AbortController()
      const question = { content: 'Tell me a long story.', max_tokens: 1500, temperature: 0 }
      await ask(url, question, true, client.signal)
      await expect.poll(tokensComputed, PATIENT).toBeGreaterThan(0)
      client.abort()
      // Nothing is computed for who is gone: the next answer comes to its turn, and the one before it has not come to its end.
      await (await ask(url, { ...question, max_tokens: 1 }, false)).text()
      const before = await tokensComputed()
      expect(before).toBeLessThan(1000)

      const late = ask(url, question, true)
        .then((response) => response.text())
        .catch(() => 'cut off')
      await expect.poll(tokensComputed, PATIENT).toBeGreaterThan(before)
      server.kill('SIGINT')
      expect(await exit).toEqual([0, null])
      expect(await late).toBe('cut off')
    } finally {
      server.kill('SIGKILL')
    }
    expect((await readdir(temporary)).filter((name) => name.startsWith('nanbeige-edge'))).toEqual([])
  })
})
