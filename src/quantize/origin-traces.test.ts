import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type FakeOrigin, startFakeOrigin } from '../../test/origins/fake-origin.ts'
import { parseOrigins } from '../origin/origin-config.ts'
import { packModel } from '../pack/pack-model.ts'
import { readSource } from '../pack/read-source.ts'
import { buildTokenizerTables } from '../pack/tokenizer/tables.ts'
import { loadTokenizer } from '../tokenizer/load.ts'
import type { CalibrationTexts } from './calibration-text.ts'
import { keptTraces } from './origin-traces.ts'

const model = new URL('../../test/fixtures/tiny-qwen2/qwen2-untied', import.meta.url).pathname
const source = await readSource(model)
const tables = buildTokenizerTables(source.tokenizer)
const tokenizer = loadTokenizer(tables)
const [eosId] = source.tokens.eos
const ANSWER = [...tokenizer.encode('An owl.'), eosId]

let root: string
let origin: FakeOrigin
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'traces-'))
  const next = (ids: readonly number[]) => {
    // How much of the answer is there already.
    const told = ANSWER.findLastIndex((_, i) => ANSWER.slice(0, i + 1).every((id, j) => ids.at(j - i - 1) === id))
    return ANSWER[told + 1]
  }
  origin = await startFakeOrigin({ kind: 'vllm', model: 'tiny', tokenizer, next, eosId })
})
afterAll(async () => {
  await origin.stop()
  await rm(root, { recursive: true })
})

const texts: CalibrationTexts = [
  { text: 'Some prose.' },
  {
    messages: [
      { role: 'user', content: 'Who?' },
      { role: 'assistant', content: 'Nobody.' },
    ],
  },
  { messages: [{ role: 'user', content: 'Who else?' }] },
]
const configs = () => parseOrigins([{ name: 'own', kind: 'vllm', url: origin.url, model: 'tiny' }], {})

it("an origin's answers take the place of those of the text, and are kept until they are removed", async () => {
  const traces = await keptTraces(root, texts, tables, source, configs())
  expect(traces.texts).toHaveLength(3)
  expect(traces.texts[0]).toEqual({ text: 'Some prose.' })
  for (const [i, question] of [
    [1, 'Who?'],
    [2, 'Who else?'],
  ] as const) {
    const { text } = traces.texts[i] as { text: string }
    expect(text).toContain(question)
    expect(text).toMatch(/An owl\.$/)
    expect(text).not.toContain('Nobody')
  }
  const asked = origin.bodies.length
  const again = await keptTraces(root, texts, tables, source, configs())
  expect(again.texts).toEqual(traces.texts)
  expect(origin.bodies).toHaveLength(asked)
  await again.remove()
  expect(await readdir(root)).toEqual([])
})

it('an interruption of the writing of shards, too, costs no answer', async () => {
  const out = join(root, 'pack')
  const calibrate = { texts, origins: configs(), bits: 3.4 }
  const pack = () => packModel(model, out, { name: 'tiny', planes: {}, groupSize: 32, calibrate })
  // Where no manifest can be written.
  await mkdir(join(out, 'manifest.json'), { recursive: true })
  await expect(pack()).rejects.toMatchObject({ code: 'write_failed' })
  const asked = origin.bodies.length
  expect(asked).toBeGreaterThan(0)
  await rm(join(out, 'manifest.json'), { recursive: true })
  await pack()
  expect(origin.bodies).toHaveLength(asked)
  expect((await readdir(out)).filter((name) => name.startsWith('.'))).toEqual([])
})
