import { Grammars } from '../../src/grammar/grammars.ts'
import { vocabularyOf } from '../../src/grammar/vocabulary.ts'
import { xgrammarModule } from '../../src/pack/kernel-modules.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'

let compiled: Promise<WebAssembly.Module> | undefined

export function grammarsFor(
  tokenizer: Tokenizer,
  eosIds: readonly number[],
  vocabSize = tokenizer.vocabSize,
): Grammars {
  const module = () => {
    compiled ??= xgrammarModule()
    return compiled
  }
  return new Grammars(module, vocabSize, () => vocabularyOf(tokenizer, vocabSize, eosIds))
}
