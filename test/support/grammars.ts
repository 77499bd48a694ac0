import { readFile } from 'node:fs/promises'
import { Grammars } from '../../src/grammar/grammars.ts'
import { vocabularyOf } from '../../src/grammar/vocabulary.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'

let compiled: Promise<WebAssembly.Module> | undefined

/** XGrammar that `npm run build` took out of its package. */
export function xgrammarModule(): Promise<WebAssembly.Module> {
  compiled ??= readFile(new URL('../../dist/xgrammar.wasm', import.meta.url)).then((bytes) =>
    WebAssembly.compile(bytes),
  )
  return compiled
}

export function grammarsFor(
  tokenizer: Tokenizer,
  eosIds: readonly number[],
  vocabSize = tokenizer.vocabSize,
): Grammars {
  return new Grammars(xgrammarModule, vocabSize, () => vocabularyOf(tokenizer, vocabSize, eosIds))
}
