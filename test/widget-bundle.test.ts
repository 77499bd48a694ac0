import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Metafile } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundleWidget } from '../scripts/build-widget.ts'

let folder: string
let outputs: [path: string, output: Metafile['outputs'][string]][]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'widget-'))
  outputs = Object.entries((await bundleWidget(folder)).outputs)
})
afterAll(() => rm(folder, { recursive: true }))

const widget = () => outputs.find(([, { entryPoint }]) => entryPoint?.endsWith('/elements.ts'))![1]

it('the widget is one file of at most 60 kB gzip, which waits for no other', async () => {
  expect(gzipSync(await readFile(join(folder, 'widget.js'))).length).toBeLessThan(60_000)
  expect(widget().imports.filter(({ kind }) => kind !== 'dynamic-import')).toEqual([])
})
