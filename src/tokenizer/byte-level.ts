import type { EncodeText } from './encode-text.ts'
import { BYTE_LEVEL_QWEN2, NO_ID } from './table-format.ts'
import type { Tables } from './tables.ts'

// The pre-tokenizer Sequence[Digits(individual_digits), ByteLevel(use_regex)] in one pattern. Splitting at digits first
// means that the GPT-2 pattern sees the end of its text before each digit, hence a digit ends a whitespace run as the end
// of the text does: (?![^\s\p{N}]) instead of (?!\S).
// The classes are those of the runtime's Unicode: 17 in Node 24 and in workerd (1.20261117), which agree on every code point.
// \p{White_Space}, not \s: the reference's regular expressions (Oniguruma) take U+0085 for a space and not U+FEFF.
const SMOLLM_WORDS =
  /\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?![^\p{White_Space}\p{N}])|\p{White_Space}+/gu

// Qwen2's, with \p{White_Space} for \s as above. Its contractions are written (?i:'s|…): \u017f is a lower case S too.
const QWEN2_WORDS =
  /'(?:[sS\u017f]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu

/** Encoder of byte-level BPE. */
export function byteLevelEncoder(tables: Tables): EncodeText {
  const qwen2 = tables.kind === BYTE_LEVEL_QWEN2
  const utf8 = new TextEncoder()
  let buffer = new Uint8Array(256)

  return function* (text, output, merger) {
    for (const [word] of qwen2 ? text.normalize('NFC').matchAll(QWEN2_WORDS) : text.matchAll(SMOLLM_WORDS)) {
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
