import { readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import { ChatTemplate } from '../../src/chat/template.ts'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../../src/pack/tokenizer/tables.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'

const FOLDER = new URL('../fixtures/nanbeige/', import.meta.url)
const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8')

/** A JSON file of the releases (test/fixtures/README.md). */
export const nanbeigeJson = (name: string) => JSON.parse(read(name))

export const NANBEIGE_TOKENIZER_CONFIG = 'nanbeige4-3b-thinking-2510.tokenizer_config.partial.json'

/** The text of tokenizer.json. */
export function nanbeigeTokenizerJson(): string {
  return brotliDecompressSync(readFileSync(new URL('tokenizer.json.br', FOLDER))).toString('utf8')
}

export function nanbeigeTables(): Uint8Array {
  const spec = tokenizerSpecFromJson(JSON.parse(nanbeigeTokenizerJson()), nanbeigeJson(NANBEIGE_TOKENIZER_CONFIG))
  return buildTokenizerTables(spec)
}

export function nanbeigeTokenizer(): Tokenizer {
  return loadTokenizer(nanbeigeTables())
}

export function nanbeigeTemplateText(): string {
  return read('../chat-templates/nanbeige-4.jinja')
}

export function nanbeigeTemplate(): ChatTemplate {
  const { addedTexts } = nanbeigeTokenizer()
  return new ChatTemplate(nanbeigeTemplateText(), { addedTexts })
}
