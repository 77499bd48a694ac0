import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { folderStore } from '../weights/folder-store.ts'
import { loadTensors, readSpan } from '../weights/load-tensors.ts'
import type { Manifest, Tensor } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { CONFIG_FILE, type Script } from './wrangler-configs.ts'
import { writePipeline } from './write-scripts.ts'

const memory = { weightBytes: 0, kvBytes: 0, scratchBytes: 0, memoryBytes: 0 }
const layers = { kind: 'layers', first: 0, count: 1, ...memory } as const
const whole: Plan = {
  ...{ name: 'tiny', contextLength: 64, sessions: 1, chunkLength: 32 },
  stages: [layers, { kind: 'head', firstRow: 0, rows: 259, ...memory }],
}
const halves: Plan = {
  ...whole,
  stages: [
    layers,
    { kind: 'head', firstRow: 0, rows: 160, ...memory },
    { kind: 'head', firstRow: 160, rows: 99, ...memory },
  ],
}

let pack: TinyPack
let out: string
let scripts: Script[]

beforeAll(async () => {
  pack = await tinyPack()
  out = join(pack.root, 'deploy')
  scripts = await write(halves)
})
afterAll(() => pack.remove())

const write = (plan: Plan) => writePipeline(folderStore(pack.folder), pack.manifest, plan, out, () => {})
const weightsOf = (folder: string) => join(out, folder, 'assets/weights/tiny')
const manifestOf = async (folder: string) => parseManifest(await folderStore(weightsOf(folder)).manifest(), folder)
const files = async () => (await readdir(out, { recursive: true })).sort()

async function load(folder: string, tensors: readonly Tensor[]): Promise<Map<string, Uint8Array>> {
  const bytes = new Map<string, Uint8Array>()
  await loadTensors(folderStore(folder), { tensors: [...tensors] }, ({ name }, size) => {
    bytes.set(name, new Uint8Array(size))
    return bytes.get(name)!
  })
  return bytes
}

const named = (manifest: Manifest, pattern: RegExp) => manifest.tensors.filter(({ name }) => pattern.test(name))

describe('writePipeline', () => {
  it('gives each script the bytes of its own tensors', async () => {
    const all = await load(pack.folder, pack.manifest.tensors)
    for (const [folder, pattern] of [
      ['stage-0', /^layers/],
      ['stage-1', /^norm$/],
      ['router', /^embedding$/],
    ] as const) {
      const tensors = named(await manifestOf(folder), pattern)
      expect(tensors.length).toBeGreaterThan(0)
      for (const [name, bytes] of await load(weightsOf(folder), tensors)) expect(bytes).toEqual(all.get(name))
    }
    const { tokenizer } = await manifestOf('router')
    expect(await readSpan(folderStore(weightsOf('router')), tokenizer)).toEqual(
      await readSpan(folderStore(pack.folder), pack.manifest.tokenizer),
    )
  })

  it('splits the head where the slices meet', async () => {
    const [head] = named(await manifestOf('stage-2'), /^head$/)
    expect(head.spans).toHaveLength(2)
    const parts = await Promise.all(
      head.spans.map((span, index) => readSpan(folderStore(weightsOf(`stage-${index + 1}`)), span)),
    )
    expect(parts[0].length).toBe((tensorBytes(head) / 9) * 5)
    expect(Buffer.concat(parts)).toEqual(
      Buffer.from((await load(pack.folder, named(pack.manifest, /^head$/))).get('head')!),
    )
  })

  it('gives no script a file that it does not need', async () => {
    const manifest = await manifestOf('stage-0')
    const shardsOf = (pattern: RegExp) =>
      named(manifest, pattern).flatMap(({ spans }) => spans.map(({ shard }) => shard))
    expect((await readdir(weightsOf('stage-0'))).sort()).toEqual(
      [...new Set(shardsOf(/^layers/)), 'manifest.json'].sort(),
    )
    expect(await readdir(join(out, 'router/assets'))).toEqual(
      expect.arrayContaining(['index.html', 'widget.js', 'weights']),
    )
    expect(await readdir(join(out, 'router/assets/weights'))).toEqual(['tiny'])
  })

  it('writes the same again, and clears away what a plan of fewer stages or a broken run leaves', async () => {
    const before = await files()
    const shard = join(
      weightsOf('stage-0'),
      (await readdir(weightsOf('stage-0'))).find((file) => file.endsWith('.bin'))!,
    )
    const bytes = await readFile(shard)
    await writeFile(shard, 'damaged')
    await writeFile(join(weightsOf('router'), 'left.bin.part'), '')
    await write(halves)
    expect(await files()).toEqual(before)
    expect(await readFile(shard)).toEqual(bytes)

    await write(whole)
    expect(await readdir(out)).toEqual(['router', 'stage-0', 'stage-1'])
    await write(halves)
    expect(await files()).toEqual(before)
  })
})

describe('the configurations', () => {
  const config = async ({ folder }: Script) => JSON.parse(await readFile(join(out, folder, CONFIG_FILE), 'utf8'))

  it('name the stages before the router, which is bound to them', async () => {
    expect(scripts.map(({ name }) => name)).toEqual([
      ...['stage-0', 'stage-1', 'stage-2'].map((stage) => `nanbeige-edge-tiny-${stage}`),
      'nanbeige-edge-tiny',
    ])
    const router = await config(scripts[3])
    expect(router.vars).toMatchObject({ MODEL: 'tiny', CONTEXT_LENGTH: 64, PLAN: halves })
    expect(router.assets).toEqual({
      directory: 'assets',
      binding: 'ASSETS',
      run_worker_first: true,
    })
    expect(JSON.stringify(router)).toContain('nanbeige-edge-tiny-stage-2')
  })

  it('keep stages from the public, with a class of their own each', async () => {
    expect(await config(scripts[1])).toMatchObject({
      workers_dev: false,
      preview_urls: false,
      migrations: [{ new_sqlite_classes: ['Stage'] }],
      vars: { STAGE: 1, PLAN: halves },
    })
    for (const script of scripts) {
      const { main } = await config(script)
      expect((await stat(join(out, script.folder, main))).isFile()).toBe(true)
    }
  })
})

it('refuses a plan and a name that the platform has no room for', async () => {
  const many = { ...whole, stages: new Array(60).fill(layers) }
  await expect(write(many)).rejects.toMatchObject({ code: 'plan_too_large' })
  await expect(write({ ...whole, name: 'x'.repeat(60) })).rejects.toMatchObject({ code: 'option_invalid' })
})
