import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { COMMIT, HubServer } from '../../../test/support/hub-server.ts'
import { writeCheckpoint } from '../../../test/support/tiny-checkpoint.ts'
import { packModel } from '../pack-model.ts'
import { downloadCheckpoint, parseHubModel } from './checkpoint.ts'

const CHECKPOINT = 'test/fixtures/tiny-llama/tied'
const SHARD = 'model-00001-of-00003.safetensors'

// Waits that the hub asks for, in milliseconds; they are not waited.
const waits = vi.hoisted((): number[] => [])
vi.mock('node:timers/promises', () => ({
  setTimeout: async (milliseconds: number) => waits.push(milliseconds),
}))

let hub: HubServer
let cache: string
beforeEach(async () => {
  hub = await HubServer.start(CHECKPOINT)
  cache = await mkdtemp(join(tmpdir(), 'hub-cache-'))
  vi.stubEnv('HF_ENDPOINT', hub.url)
  vi.stubEnv('HF_TOKEN', '')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await hub.stop()
  await rm(cache, { recursive: true })
})

const download = (progress?: (done: number, total: number) => void) =>
  downloadCheckpoint({ id: hub.model, revision: 'main' }, { cache, progress })
const folder = () => join(cache, 'owner', 'tiny', COMMIT)

/**
 * Send some of a file and break the connection once the client has kept it, `size` bytes in all: what of a body has arrived but is not
 * read yet is lost when it breaks. The last part of a file is renamed as soon as it is whole.
 */
function breakAfter(response: ServerResponse, bytes: Buffer, file: string, size: number): void {
  response.write(bytes)
  const kept = async () => {
    const { size: have } = await stat(join(folder(), `${file}.part`)).catch(() => stat(join(folder(), file)))
    expect(have).toBe(size)
  }
  vi.waitFor(kept, { timeout: 60_000, interval: 5 }).then(
    () => response.destroy(),
    () => response.destroy(),
  )
}

async function expectWhole(): Promise<void> {
  for (const file of await readdir(folder())) {
    const same = (await readFile(join(folder(), file))).equals(await readFile(join(CHECKPOINT, file)))
    expect([file, same]).toEqual([file, true])
  }
  expect(await readdir(folder())).toContain(SHARD)
}

test.each([
  ['Nanbeige/Nanbeige4-3B-Thinking-2511', { id: 'Nanbeige/Nanbeige4-3B-Thinking-2511', revision: 'main' }],
  ['owner/name@refs/pr/1', { id: 'owner/name', revision: 'refs/pr/1' }],
  ['model.gguf', undefined],
  ['./owner/name', undefined],
  ['./model', undefined],
  ['../../model', undefined],
  ['owner/..', undefined],
  ['folder/model.gguf', undefined],
  ['a/b/c', undefined],
])('%s as a model of the hub', (text, expected) => {
  expect(parseHubModel(text)).toEqual(expected)
})

describe('downloadCheckpoint', () => {
  test('fetches the files of a checkpoint, and a second time nothing', async () => {
    const seen: number[] = []
    expect(await download((done, total) => seen.push(done / total))).toBe(folder())
    await expectWhole()
    expect(seen.at(-1)).toBe(1)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    hub.requests.length = 0
    await download()
    expect(hub.requests).toEqual([])
  })

  test('what it fetched packs to what the folder packs to', async () => {
    const options = { name: 'tiny', planes: {}, groupSize: 32, sourceName: hub.model } as const
    const [a, b] = [
      await packModel(await download(), join(cache, 'a'), options),
      await packModel(CHECKPOINT, join(cache, 'b'), options),
    ]
    expect(a).toEqual(b)
    expect(a.source).toEqual({ name: 'owner/tiny', sha256: null })
  })

  test('goes on inside a file after the connection broke, and fetches only the rest', async () => {
    const cut = 4321
    hub.fault = ({ path, from }, response, bytes) => {
      if (path !== SHARD || from > 0) return false
      response.writeHead(206, { 'Content-Length': bytes.length })
      breakAfter(response, bytes.subarray(0, cut), SHARD, cut)
      return true
    }
    await download()
    await expectWhole()
    const [first, second, ...more] = hub.requests.filter(({ path }) => path === SHARD)
    expect([first.from, more]).toEqual([0, []])
    expect(second.from).toBe(cut)
  })

  test('goes on where an earlier run was stopped', async () => {
    await download()
    const bytes = await readFile(join(folder(), SHARD))
    await rm(join(folder(), SHARD))
    await writeFile(join(folder(), `${SHARD}.part`), bytes.subarray(0, 1000))
    hub.requests.length = 0
    const seen: number[] = []
    await download((done) => seen.push(done))
    await expectWhole()
    expect(hub.requests).toEqual([{ path: SHARD, from: 1000 }])
  })

  test('skips what it has where the server knows no ranges', async () => {
    hub.ranges = false
    let broken = false
    hub.fault = ({ path }, response, bytes) => {
      if (path !== SHARD || broken) return false
      broken = true
      response.writeHead(200, { 'Content-Length': bytes.length })
      response.write(bytes.subarray(0, 2000), () => response.destroy())
      return true
    }
    await download()
    await expectWhole()
  })

  test.each([SHARD, 'config.json'])(
    'finds a wrong byte in %s, removes the file, and gets it right the next time',
    async (wrong) => {
      hub.fault = ({ path }, response, bytes) => {
        if (path !== wrong) return false
        const damaged = Buffer.from(bytes)
        damaged[100] ^= 1
        response.end(damaged)
        return true
      }
      await expect(download()).rejects.toMatchObject({
        code: 'checkpoint_damaged',
        message: expect.stringContaining(wrong),
      })
      expect((await readdir(folder())).filter((file) => file.startsWith(wrong))).toEqual([])
      hub.fault = () => false
      await download()
      await expectWhole()
    },
  )

  test('waits and asks again when the hub is busy', async () => {
    let refusals = 0
    hub.fault = ({ path }, response) => {
      if (path !== SHARD || refusals++ > 0) return false
      response.writeHead(429).end()
      return true
    }
    await download()
    await expectWhole()
  })

  test('waits as long as a busy hub says', async () => {
    waits.length = 0
    hub.fault = ({ path }, response) => {
      if (path !== SHARD || waits.length > 0) return false
      response.writeHead(429, { 'Retry-After': 7 }).end()
      return true
    }
    await download()
    await expectWhole()
    expect(waits).toEqual([7000])
  })

  test('says what to do when the hub stays silent', async () => {
    await hub.stop()
    const afterSeconds = vi.spyOn(globalThis, 'setTimeout')
    afterSeconds.mockImplementation(((run: () => void) => setImmediate(run)) as unknown as typeof setTimeout)
    await expect(download()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(/no connection.*try again later/),
    })
    afterSeconds.mockRestore()
  })

  test('breaks may be many as long as there is progress', async () => {
    const breakAt = 1.5 * 2 ** 20
    const bytes = Buffer.alloc(8 * breakAt, 'weights of the model')
    await hub.stop()
    await writeCheckpoint(join(cache, 'large'), { files: { 'model.safetensors': bytes } })
    hub = await HubServer.start(join(cache, 'large'))
    vi.stubEnv('HF_ENDPOINT', hub.url)
    hub.fault = ({ path, from }, response) => {
      if (path !== 'model.safetensors') return false
      response.writeHead(from > 0 ? 206 : 200, { 'Content-Length': bytes.length - from })
      breakAfter(response, bytes.subarray(from, from + breakAt), path, Math.min(from + breakAt, bytes.length))
      return true
    }
    await download()
    expect((await readFile(join(folder(), 'model.safetensors'))).equals(bytes)).toBe(true)
    expect(hub.requests.filter(({ path }) => path === 'model.safetensors')).toHaveLength(8)
  })

  test('one file that fails stops the others', async () => {
    hub.fault = ({ path }, response) => {
      if (!path.endsWith('.safetensors')) return false
      if (path === SHARD) response.writeHead(404).end()
      // The others would go on for ever.
      else response.writeHead(200).write('bytes')
      return true
    }
    await expect(download()).rejects.toMatchObject({ code: 'file_missing', message: expect.stringContaining(SHARD) })
  })

  test.runIf(existsSync('/dev/full'))('says so when the disk is full', async () => {
    await download()
    await rm(join(folder(), SHARD))
    await symlink('/dev/full', join(folder(), `${SHARD}.part`))
    await expect(download()).rejects.toMatchObject({
      code: 'write_failed',
      message: expect.stringMatching(/the disk is full; make room/),
    })
  })

  test('refuses an unknown architecture before it fetches weights', async () => {
    await hub.stop()
    await writeCheckpoint(join(cache, 'looped'), { config: { architectures: ['NanbeigeForCausalLM'] } })
    hub = await HubServer.start(join(cache, 'looped'))
    vi.stubEnv('HF_ENDPOINT', hub.url)
    await expect(download()).rejects.toMatchObject({
      code: 'architecture_unsupported',
      message: expect.stringMatching(/owner\/tiny@main.*NanbeigeForCausalLM/),
    })
    expect(hub.requests.map(({ path }) => path)).not.toContain('model.safetensors')
  })

  test('uses the token, and says what to do where access is refused', async () => {
    hub.token = 'hf_secret'
    await expect(download()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(/401.*HF_TOKEN/),
    })
    vi.stubEnv('HF_TOKEN', 'hf_secret')
    await download()
    await expectWhole()
  })

  test('names a model that is not there', async () => {
    const missing = downloadCheckpoint({ id: 'owner/none', revision: 'main' }, { cache })
    await expect(missing).rejects.toMatchObject({
      code: 'file_missing',
      message: expect.stringContaining('owner/none@main'),
    })
  })

  test('a file of another size than the hub states is refused', async () => {
    hub.fault = ({ path }, response, bytes) => {
      if (path !== SHARD) return false
      response.end(Buffer.concat([bytes, Buffer.from('more')]))
      return true
    }
    await expect(download()).rejects.toMatchObject({
      code: expect.stringMatching(/checkpoint_damaged|download_failed/),
    })
  }, 120_000)
})
