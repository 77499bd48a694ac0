import type { Distribution, DistributionQuery } from '../../src/generate/distribution.ts'
import type { LanguageModel, Sequence } from '../../src/generate/language-model.ts'
import { turn } from '../../src/generate/turn.ts'
import { continuation, nextLetter } from '../origins/letters-model.ts'
import { distributionOf } from './array-distribution.ts'
import { ByteTokenizer, EOS_ID } from './fake-model.ts'

/** Logits of the likeliest token, of the letters beside it, and of the EOS token. */
const LIKELIEST = 4
const OTHERS = 3.5
const EOS = 3

interface LettersSequence extends Sequence {
  readonly tokens: number[]
}

/** A model over the bytes of ByteTokenizer, for any prompt: the likeliest letter is a hash of all ids, others and the EOS token come close. */
export class LettersLanguage implements LanguageModel {
  readonly vocabSize = new ByteTokenizer().vocabSize
  readonly contextLength: number
  /** The tokens of every forward. */
  readonly forwarded: number[][] = []
  /** Sequences in use, and the most there were at once. */
  held = 0
  mostHeld = 0

  constructor(contextLength = 1000) {
    this.contextLength = contextLength
  }

  createSequence(): LettersSequence {
    this.mostHeld = Math.max(this.mostHeld, ++this.held)
    const tokens: number[] = []
    return {
      tokens,
      get length() {
        return tokens.length
      },
      truncate: (length) => {
        tokens.length = length
      },
      release: () => {
        this.held--
      },
    }
  }

  async forward(sequence: Sequence, tokens: readonly number[], signal: AbortSignal): Promise<void> {
    await turn()
    if (signal.aborted) return
    this.forwarded.push([...tokens])
    ;(sequence as LettersSequence).tokens.push(...tokens)
  }

  async distribution(sequence: Sequence, { adjustments, temperature }: DistributionQuery): Promise<Distribution> {
    return distributionOf(this.logits((sequence as LettersSequence).tokens), adjustments, temperature)
  }

  logits(ids: readonly number[]): Float32Array {
    const logits = new Float32Array(this.vocabSize)
    for (const letter of 'abcdefgh') logits[letter.charCodeAt(0)] = OTHERS
    logits[EOS_ID] = EOS
    logits[nextLetter(ids)] = LIKELIEST
    return logits
  }
}

const tokenizer = new ByteTokenizer()

/** What the model says after a text at temperature 0. */
export function likeliest(prompt: string | readonly number[], count: number): string {
  const ids = typeof prompt === 'string' ? tokenizer.encode(prompt) : prompt
  return new TextDecoder().decode(Uint8Array.from(continuation(ids, count)))
}
