import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'key-'))
})
afterAll(() => rm(root, { recursive: true }))

const key = (...args: string[]) =>
  promisify(execFile)(process.execPath, [new URL('main.ts', import.meta.url).pathname, 'key', ...args]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

const sha256Of = (stdout: string) =>
  createHash('sha256')
    .update(stdout.match(/^ {2}(nb-[\w-]{43})$/m)![1])
    .digest('hex')

it('prints a key, and the API_KEYS that know it by its sha256', async () => {
  const [one, other] = [await key('alice'), await key('alice', '--streams', '2', '--no-origins', '--metrics')]
  const keysOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout.match(/^ {2}(\[.*)$/m)![1])
  expect(keysOf(one)).toEqual([{ name: 'alice', sha256: sha256Of(one.stdout) }])
  expect(keysOf(other)).toEqual([
    { name: 'alice', sha256: sha256Of(other.stdout), streams: 2, metrics: true, origins: false },
  ])
  expect(sha256Of(one.stdout)).not.toBe(sha256Of(other.stdout))
})

it('adds keys to a file, which nobody else reads, and not twice by a name', async () => {
  const file = join(root, 'keys.json')
  const alice = await key('alice', '--file', file)
  const bob = await key('bob', '--file', file, '--tokens-per-day', '1000')
  const written = await readFile(file, 'utf8')
  expect(JSON.parse(written)).toEqual([
    { name: 'alice', sha256: sha256Of(alice.stdout) },
    { name: 'bob', sha256: sha256Of(bob.stdout), tokensPerDay: 1000 },
  ])
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  const line = (text: string) => ({ code: 1, stdout: '', stderr: expect.stringMatching(text) })
  expect(await key('bob', '--file', file)).toEqual(line('keys.json cannot be used: two keys have the same name'))
  expect(await key('a b', '--file', file)).toEqual(line('2.name: expected 1 to 64 letters'))
  expect(await readFile(file, 'utf8')).toBe(written)
  await writeFile(join(root, 'broken.json'), '[')
  expect(await key('alice', '--file', join(root, 'broken.json'))).toEqual(
    line('broken.json cannot be used: it is no JSON'),
  )
})
