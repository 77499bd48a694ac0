import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { COMMIT, HubServer } from '../../../test/support/hub-server.ts'
import { downloadCheckpoint } from './checkpoint.ts'

const CHECKPOINT = 'test/fixtures/tiny-llama/tied'
const SHARD = 'model-00001-of-00003.safetensors'
const TOKEN = 'hf_secret'

let hub: HubServer
let other: Server
/** What the other host was asked, with the token that came along. */
let asked: { url: string; token: string | undefined }[]
let root: string
beforeEach(async () => {
  hub = await HubServer.start(CHECKPOINT)
  hub.token = TOKEN
  asked = []
  other = createServer(async ({ url, headers }, response) => {
    asked.push({ url: url!, token: headers.authorization })
    response.end(await readFile(join(CHECKPOINT, SHARD)))
  })
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  root = await mkdtemp(join(tmpdir(), 'lying-hub-'))
  await mkdir(join(root, 'deep', 'cache'), { recursive: true })
  vi.stubEnv('HF_ENDPOINT', hub.url)
  vi.stubEnv('HF_TOKEN', TOKEN)
})
afterEach(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await hub.stop()
  other.closeAllConnections()
  await new Promise((resolve) => other.close(resolve))
  await rm(root, { recursive: true })
})

const otherUrl = () => `http://127.0.0.1:${(other.address() as AddressInfo).port}`
const cache = () => join(root, 'deep', 'cache')
const download = () => downloadCheckpoint({ id: hub.model, revision: 'main' }, { cache: cache() })
const files = async () => (await readdir(root, { recursive: true })).filter((path) => /\.\w+$/.test(path))

const json = (response: ServerResponse, value: unknown) => {
  response.setHeader('Content-Type', 'application/json')
  response.end(typeof value === 'string' ? value : JSON.stringify(value))
}
const entry = (path: string, fields: object = {}) => ({ type: 'file', path, size: 10, oid: COMMIT, ...fields })
const isList = (path: string) => path.includes('/tree/')

/** The hub answers what it is asked of the model, or of its files, with this. */
const answers = (to: 'model' | 'list', value: unknown) => () => {
  hub.lie = (path, response) => {
    if (isList(path) !== (to === 'list')) return false
    json(response, value)
    return true
  }
}

describe('what a hub answers', () => {
  it.each<[string, RegExp, () => void]>([
    ['a commit that is a path', /sha/, answers('model', { sha: '../../../escaped' })],
    ['a commit that is a path behind a hash', /sha/, answers('model', { sha: `${COMMIT}/../../../../escaped` })],
    ['no commit', /sha/, answers('model', {})],
    ['a commit that is a number', /sha/, answers('model', { sha: 5 })],
    ['nothing', /not understood/, answers('model', 'null')],
    ['no JSON', /not understood/, answers('model', '<!doctype html>\n<html>')],
    ['JSON without end', /not understood/, answers('model', '['.repeat(1_000_000))],
    ['a list that is none', /config\.json/, answers('list', '"error"')],
    ['a size that is no number', /size/, answers('list', [entry('config.json', { size: '10' })])],
    ['a size below nothing', /size/, answers('list', [entry('config.json', { size: -1 })])],
    ['a size that no number holds', /size/, answers('list', [entry('config.json', { size: 1e300 })])],
    [
      'a config.json of a gigabyte',
      /config\.json is too large/,
      answers('list', [entry('config.json', { size: 2 ** 30 })]),
    ],
    ['a hash that is none', /oid/, answers('list', [entry('config.json', { oid: '../hash' })])],
    ['a hash of another kind', /lfs\.oid/, answers('list', [entry('config.json', { lfs: { oid: 'x', size: 1 } })])],
  ])('%s is refused', async (_, message, lie) => {
    lie()
    await expect(download()).rejects.toMatchObject({
      name: 'PackError',
      message: expect.stringMatching(new RegExp(`^owner/tiny@main.*${message.source}.*$`)),
    })
    expect(await files()).toEqual([])
  })

  it('paths that lead elsewhere are not followed', async () => {
    hub.lie = (path, response) => {
      if (!isList(path)) return false
      json(
        response,
        ['../escaped.json', '/tmp/escaped.json', 'config.json/../../escaped.json'].map((name) => entry(name)),
      )
      return true
    }
    await expect(download()).rejects.toMatchObject({ code: 'file_missing' })
    expect(await files()).toEqual([])
  })

  it('a next page of another host is not asked for', async () => {
    hub.lie = (path, response) => {
      if (!isList(path)) return false
      response.setHeader('Link', `<${otherUrl()}/api/next>; rel="next"`)
      json(response, [])
      return true
    }
    await expect(download()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringMatching(/sends on to .*; check HF_ENDPOINT$/),
    })
    expect(asked).toEqual([])
  })

  it('pages have an end', async () => {
    hub.lie = (path, response) => {
      if (!isList(path)) return false
      response.setHeader('Link', `<${hub.url}${path}>; rel="next"`)
      json(response, [])
      return true
    }
    await expect(download()).rejects.toMatchObject({ message: expect.stringMatching(/answers without end/) })
  })

  it('an answer has an end', async () => {
    hub.lie = (_, response) => {
      const chunk = Buffer.alloc(1 << 20, ' ')
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
      return true
    }
    await expect(download()).rejects.toMatchObject({ message: expect.stringMatching(/answers without end/) })
  })

  it('silence has an end', async () => {
    hub.lie = () => true
    const timeout = AbortSignal.timeout
    vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => timeout(10))
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void) => setImmediate(run)) as never)
    await expect(download()).rejects.toMatchObject({ message: expect.stringMatching(/no answer in time; try again/) })
  })
})

describe('what a hub sends', () => {
  it('an answer that redirects to another host does not take the token along', async () => {
    hub.lie = (path, response) => {
      if (isList(path)) return false
      response.writeHead(307, { Location: `${otherUrl()}/api/moved` }).end()
      return true
    }
    await expect(download()).rejects.toMatchObject({ code: 'download_failed' })
    expect(asked.map(({ token }) => token)).toEqual([undefined])
  })

  it('a file that is kept at another host is fetched there, without the token', async () => {
    hub.fault = ({ path }, response) => {
      if (path !== SHARD) return false
      response.writeHead(302, { Location: `${otherUrl()}/stored` }).end()
      return true
    }
    await download()
    expect(asked).toEqual([{ url: '/stored', token: undefined }])
  })

  it('a file without end is left at the size that was stated', async () => {
    const { size } = await stat(join(CHECKPOINT, SHARD))
    hub.fault = ({ path }, response) => {
      if (path !== SHARD) return false
      const chunk = Buffer.alloc(1000)
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
      return true
    }
    await expect(download()).rejects.toMatchObject({
      code: 'checkpoint_damaged',
      message: expect.stringMatching(new RegExp(`${SHARD}: the hub sends more than the ${size} bytes`)),
    })
    for (const path of await files()) expect((await stat(join(root, path))).size).toBeLessThanOrEqual(size)
  })

  it('an index that names files outside of the folder is refused', async () => {
    const { size: configBytes } = await stat(join(CHECKPOINT, 'config.json'))
    const index = JSON.stringify({ weight_map: { a: '../../../escaped.safetensors' } })
    hub.lie = (path, response) => {
      if (!isList(path)) return false
      json(response, [
        entry('config.json', { size: configBytes, oid: undefined }),
        entry('model.safetensors.index.json', { size: index.length, oid: undefined }),
        entry('../../../escaped.safetensors'),
      ])
      return true
    }
    hub.fault = ({ path }, response) => {
      if (!path.endsWith('index.json')) return false
      response.end(index)
      return true
    }
    await expect(download()).rejects.toMatchObject({
      code: 'metadata_invalid',
      message: expect.stringMatching(/escaped\.safetensors is no safetensors file of the same folder/),
    })
    expect((await files()).filter((path) => path.includes('escaped'))).toEqual([])
  })
})

it.each(['ftp://hub', 'hub.example', 'http://'])('HF_ENDPOINT=%s is refused', async (url) => {
  vi.stubEnv('HF_ENDPOINT', url)
  await expect(download()).rejects.toMatchObject({
    code: 'option_invalid',
    message: expect.stringMatching(/^HF_ENDPOINT/),
  })
})
