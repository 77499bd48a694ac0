import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serveCommand } from '../../test/support/serve-command.ts'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'

let pack: TinyPack
let out: string
beforeAll(async () => {
  pack = await tinyPack()
  out = join(pack.root, 'deploy')
})
afterAll(() => pack.remove())

// Without an account, wherever the test runs.
const account = { CLOUDFLARE_API_TOKEN: undefined, CLOUDFLARE_API_KEY: undefined }

const deploy = (...options: string[]) =>
  promisify(execFile)(
    process.execPath,
    [
      new URL('./main.ts', import.meta.url).pathname,
      ...['deploy', pack.folder, '--context', '64', '--sessions', '2', '--out', out, ...options],
    ],
    { env: { ...process.env, ...account, HOME: pack.root, XDG_CONFIG_HOME: pack.root } },
  ).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

const routerVars = async () => JSON.parse(await readFile(join(out, 'router/wrangler.json'), 'utf8')).vars

describe('nanbeige-edge deploy', () => {
  it('writes scripts that wrangler would deploy, and that serve the model together', async () => {
    expect(await deploy('--dry-run', '--public')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        `${out}: 2 stages and the router`,
        '1/3 nanbeige-edge-tiny-stage-0 ... would deploy',
        '2/3 nanbeige-edge-tiny-stage-1 ... would deploy',
        '3/3 nanbeige-edge-tiny ... would deploy\n',
      ].join('\n'),
    })
    expect(await routerVars()).toMatchObject({ ACCESS: 'public' })
    const pipeline = await serveCommand([out])
    try {
      const client = new OpenAI({ baseURL: `${pipeline.url}/v1`, apiKey: 'none', maxRetries: 0 })
      expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['tiny'])
      const messages = [{ role: 'user' as const, content: 'ab' }]
      const { usage } = await client.chat.completions.create({ model: 'tiny', messages, max_tokens: 3, temperature: 0 })
      expect(usage?.completion_tokens).toBeGreaterThan(0)
      expect(await (await fetch(pipeline.url)).text()).toContain('nanbeige-chat')
    } finally {
      await pipeline.stop()
    }
    await expect(serveCommand([out, '--context', '32'])).rejects.toThrow(
      /is a pipeline, whose planes, context and sessions/,
    )
  })

  it('lets nobody in whom nobody named', async () => {
    expect(await deploy()).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^nanbeige-edge: To be deployed it needs --keys FILE/),
    })
    const { stdout } = await deploy('--dry-run')
    expect(stdout).toMatch(/\nTo be deployed it needs --keys FILE, .* or --public: .*\n$/)
    expect(await routerVars()).not.toHaveProperty('ACCESS')
    const keys = join(pack.root, 'keys.json')
    await writeFile(keys, '[{"name": "one"}]')
    expect(await deploy('--keys', keys)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/keys\.json cannot be used: 0\.sha256/),
    })
    const many = Array.from({ length: 60 }, (_, index) => ({ name: `key-${index}`, sha256: '0'.repeat(64) }))
    await writeFile(keys, JSON.stringify(many))
    expect(await deploy('--keys', keys)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/keys\.json has 6\d+ bytes of keys where a Worker's variable holds 5000/),
    })
  })

  it('names the script that failed, with the reason', async () => {
    const { code, stdout, stderr } = await deploy('--public')
    expect([code, stdout]).toEqual([1, expect.stringMatching(/1\/3 nanbeige-edge-tiny-stage-0 \.\.\. $/)])
    expect(stderr).toMatch(
      /^nanbeige-edge: wrangler could not deploy nanbeige-edge-tiny-stage-0 .*\n[\s\S]*CLOUDFLARE_API_TOKEN/,
    )
    const config = JSON.parse(await readFile(join(out, 'stage-0/wrangler.json'), 'utf8'))
    expect(config.name).toBe('nanbeige-edge-tiny-stage-0')
  })
})
