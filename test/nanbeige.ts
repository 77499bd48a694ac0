import { existsSync, readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import { ChatTemplate } from '../src/chat/template.ts'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../src/pack/tokenizer-tables.ts'
import { loadTokenizer } from '../src/tokenizer/load.ts'
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts'

export const NANBEIGE_FOLDER = '../shared/nanbeige'

/** Whether the files of the official release are there. */
export const hasNanbeige = existsSync(NANBEIGE_FOLDER)

export function nanbeigeTokenizer(): Tokenizer {
  const json = JSON.parse(brotliDecompressSync(readFileSync(`${NANBEIGE_FOLDER}/tokenizer.json.br`)).toString('utf8'))
  const config = readFileSync(`${NANBEIGE_FOLDER}/nanbeige4-3b-thinking-2510.tokenizer_config.partial.json`, 'utf8')
  return loadTokenizer(buildTokenizerTables(tokenizerSpecFromJson(json, JSON.parse(config))))
}

export function nanbeigeTemplate(): ChatTemplate {
  const { addedTexts } = nanbeigeTokenizer()
  return new ChatTemplate(readFileSync('test/fixtures/chat-templates/nanbeige-4.jinja', 'utf8'), { addedTexts })
}
