import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { toyQwen2 } from '../../test/support/toy-tokenizers.ts'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../pack/tokenizer/tables.ts'
import { readTexts, tokenSequences } from './calibration-text.ts'

const tables = buildTokenizerTables(tokenizerSpecFromJson(toyQwen2()))
const model = {
  chatTemplate:
    '{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if tools %}{{ tools[0].function.name }}{% endif %}',
  tokens: { bos: 7, eos: [1], addBos: true },
}

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'texts-'))
})
afterAll(() => rm(root, { recursive: true }))

it('the text that comes with the packer has languages, code, mathematics, thoughts and calls of tools', async () => {
  const texts = await readTexts('default')
  const all = JSON.stringify(texts)
  for (const part of ['今天', 'def ', '\\\\frac', '<think>', 'tool_calls', '#include']) expect(all).toContain(part)
  const tools = texts.filter((entry) => 'messages' in entry && entry.tools !== undefined)
  expect(tools.length).toBeGreaterThan(2)
  expect(tokenSequences(texts, tables, model).flat().length).toBeGreaterThan(16_000)
})

it('cuts what is long, begins every piece with BOS where the model wants it, and writes chats by the template', () => {
  const text = 'x'.repeat(1100)
  const sequences = tokenSequences([{ text }], tables, model)
  expect(sequences.map(({ length }) => length)).toEqual([512, 512, 79])
  expect(sequences.map(([first]) => first)).toEqual([7, 7, 7])
  const messages = [{ role: 'user' as const, content: 'What is the weather like?' }]
  const tools = [{ type: 'function', function: { name: 'weather' } }]
  const [chat] = tokenSequences([{ messages, tools }], tables, model)
  const [plain] = tokenSequences([{ text: '<user>What is the weather like?weather' }], tables, model)
  expect(chat).toEqual(plain)
})

it('says what is wrong with a text', async () => {
  const path = join(root, 'wrong.json')
  await expect(readTexts(join(root, 'missing.txt'))).rejects.toMatchObject({ code: 'file_missing' })
  await writeFile(path, '[{"txt": "a"}]')
  await expect(readTexts(path)).rejects.toMatchObject({
    code: 'metadata_invalid',
    message: expect.stringContaining(path),
  })
  expect(() => tokenSequences([{ text: 'a few' }], tables, model)).toThrow(/too short/)
})
