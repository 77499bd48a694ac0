import type { EncodeText } from './encode-text.ts'
import { NO_ID } from './table-format.ts'
import type { Tables } from './tables.ts'

// The pre-tokenizer Sequence[Digits(individual_digits), ByteLevel(use_regex)] in one pattern. Splitting at digits first
// means that the GPT-2 pattern sees the end of its text before each digit, hence a digit ends a whitespace run as the end
// of the text does: (?![^\s\p{N}]) instead of (?!\S).
// The classes are those of the runtime's Unicode: 17 in Node 24 and in workerd (1.20261117), which agree on every code point.
// \p{White_Space}, not \s: the reference's regular expressions (Oniguruma) take U+0085 for a space and not U+FEFF.
const WORDS =
  /\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?![^\p{White_Space}\p{N}])|\p{White_Space}+/gu

/** Encoder of byte-level BPE. */
export function byteLevelEncoder(tables: Tables): EncodeText {
  const utf8 = new TextEncoder()
  let buffer = new Uint8Array(256)

  return function* (text, output, merger) {
    for (const [word] of text.matchAll(WORDS)) {
      // A UTF-16 unit takes at most three bytes.
      if (word.length * 3 > buffer.length) buffer = new Uint8Array(word.length * 3)
      const { written } = utf8.encodeInto(word, buffer)
      for (let i = 0; i < written; i++) {
        const id = tables.byteIds[buffer[i]]
        // No unknown token in these vocabularies: the reference drops such bytes before it merges.
        if (id !== NO_ID) merger.add(id)
        if (merger.stepEnds) yield
      }
      yield* merger.finish(output)
    }
  }
}
