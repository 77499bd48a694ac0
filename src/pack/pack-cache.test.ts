import { cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { HubServer } from '../../test/support/hub-server.ts'
import { ggufBytes, tinyMetadata, tinyTensors } from '../../test/support/tiny-gguf.ts'
import { openPack } from './open-pack.ts'
import { type CachedPackOptions, checkSize, packFolder } from './pack-cache.ts'

const CHECKPOINT = 'test/fixtures/tiny-llama/tied'

let home: string
let gguf: string
/** What was worked at. */
let works: string[]
const withProgress: CachedPackOptions['withProgress'] = (what, work) => {
  works.push(what)
  return work(() => {})
}
const folderOf = (model: string, planes?: string) => {
  works = []
  return packFolder(model, { planes, withProgress })
}

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'pack-cache-'))
  vi.stubEnv('HOME', home)
  gguf = join(home, 'small.gguf')
  await writeFile(gguf, ggufBytes(tinyMetadata, tinyTensors('F16')))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(home, { recursive: true })
})

it('a GGUF file is packed once for each way to round it, and again when its bytes are others', async () => {
  const folder = await folderOf(gguf, 'ffn=3')
  expect(works).toEqual(['packing small'])
  expect(folder).toMatch(/\.cache\/nanbeige-edge\/packs\/small-[0-9a-f]{16}$/)
  expect((await openPack(folder)).manifest).toMatchObject({ name: 'small', source: { name: 'small.gguf' } })
  expect(await folderOf(gguf, 'ffn=3')).toBe(folder)
  expect(works).toEqual([])

  const rounded = await folderOf(gguf, '4')
  const asItIs = await folderOf(gguf)
  await writeFile(gguf, ggufBytes(tinyMetadata, tinyTensors('Q4_1')))
  const other = await folderOf(gguf)
  expect(new Set([folder, rounded, asItIs, other]).size).toBe(4)
  expect((await readdir(join(home, '.cache/nanbeige-edge/packs'))).length).toBe(4)
})

it('the same bytes are the same pack wherever they lie, for a folder too', async () => {
  const there = join(home, 'elsewhere', 'tied')
  await mkdir(there, { recursive: true })
  await cp(CHECKPOINT, there, { recursive: true })
  const folder = await folderOf(CHECKPOINT)
  expect(basename(folder)).toMatch(/^tied-/)
  expect(await folderOf(there)).toBe(folder)
  await writeFile(join(there, 'chat_template.jinja'), '{% for m in messages %}{{ m.content }}{% endfor %}')
  expect(await folderOf(there)).not.toBe(folder)
})

it('a model of a hub is downloaded and packed once for each commit', async () => {
  const hub = await HubServer.start(CHECKPOINT)
  try {
    vi.stubEnv('HF_ENDPOINT', hub.url)
    vi.stubEnv('HF_TOKEN', '')
    const folder = await folderOf(hub.model)
    expect(works).toEqual(['downloading', 'packing tiny'])
    expect((await openPack(folder)).manifest).toMatchObject({ name: 'tiny', source: { name: hub.model } })
    expect(await folderOf(hub.model)).toBe(folder)
    expect(works).toEqual(['downloading'])
  } finally {
    await hub.stop()
  }
})

it('a pack is served where it lies, and only a pack that was finished', async () => {
  const folder = await folderOf(gguf)
  expect(await folderOf(folder)).toBe(folder)
  await expect(folderOf(folder, '4')).rejects.toThrow(/--planes: .* is a pack already/)
  const { mtimeMs } = await stat(folder)
  // Two at once make one pack.
  await rm(folder, { recursive: true })
  const both = await Promise.all([packFolder(gguf, { withProgress }), packFolder(gguf, { withProgress })])
  expect(both).toEqual([folder, folder])
  expect((await stat(folder)).mtimeMs).not.toBe(mtimeMs)
  const packs = await readdir(join(home, '.cache/nanbeige-edge/packs'))
  expect(packs.filter((name) => !/-[0-9a-f]{16}$/.test(name))).toEqual([])
})

it('what is no model is refused, and leaves nothing behind', async () => {
  await expect(folderOf(join(home, 'none.gguf'))).rejects.toThrow(/there is no such file; give a pack, a GGUF file/)
  await expect(folderOf(gguf, '9')).rejects.toThrow(/9 is not a number from 2 to 8/)
  const bad = join(home, 'bad.gguf')
  await writeFile(bad, ggufBytes({ ...tinyMetadata, 'tokenizer.chat_template': undefined }, tinyTensors('Q4_1')))
  await expect(folderOf(bad)).rejects.toThrow(/no chat template/)
  expect((await readdir(join(home, '.cache/nanbeige-edge/packs'))).filter((name) => name.startsWith('bad'))).toEqual([])
})

it('what no isolate has room for is refused before it is packed', () => {
  const tensor = (rows: number) => ({ name: 'w', shape: [rows, 4096], type: 'BF16', path: 'model', offset: 0 })
  const source = {
    name: 'large',
    tensors: new Map([
      ['layers.0.up', tensor(1 << 20)],
      ['norm', { ...tensor(1), shape: [4096] }],
    ]),
  }
  expect(() => checkSize(source, { planes: {}, groupSize: 32 })).toThrow(
    /large would take 4\.5 GiB, .*such as --planes 4/,
  )
  expect(() => checkSize(source, { planes: { ffn: 4 }, groupSize: 32 })).not.toThrow()
})
