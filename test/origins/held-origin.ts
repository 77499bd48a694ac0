import { createRandom, type Random } from '../../src/generate/random.ts'
import { has } from '../../src/generate/token-mask.ts'
import type { Grammars } from '../../src/grammar/grammars.ts'
import type { Matcher } from '../../src/grammar/matcher.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import type { FakeOriginOptions } from './fake-origin.ts'

/** Of the tokens that may come, those with these characters come first: whoever takes any would hardly ever end. */
const CLOSING = new Set([...'"}],0123456789'].map((character) => character.charCodeAt(0)))
const CLOSING_SHARE = 0.6
const EOS_SHARE = 0.9

interface Held {
  readonly grammars: Grammars
  readonly eosId: number
  /** Tokens of a free text. */
  readonly free: readonly number[]
  /** What a free text begins with, where it is not in the prompt. */
  readonly opening?: number
  /** Tokens that it writes where a grammar allows them: of whole characters. */
  readonly whole: readonly number[]
  /** Bytes of a token. */
  readonly bytes: (id: number) => Uint8Array
  /** Share of tokens that come though the grammar does not allow them. */
  readonly rudeness?: number
}

/** Random tokens, held to the grammar of a request as vLLM holds its own. */
export function heldTokens(held: Held, seed: number): NonNullable<FakeOriginOptions['nextFor']> {
  const random = createRandom(seed)
  return async (body, ids) => {
    let opening = ids.includes(held.opening ?? -1) ? undefined : held.opening
    const ebnf = (body.structured_outputs as { grammar: string } | undefined)?.grammar
    const matcher = ebnf === undefined ? undefined : (await held.grammars.compile({ ebnf })).matcher()
    return () => {
      const first = opening
      opening = undefined
      if (!matcher) return first ?? pick(held.free, random)
      const rude = random() < (held.rudeness ?? 0)
      const id = rude ? pick(held.free, random) : choose(held, matcher, random)
      if (!rude && id !== held.eosId) matcher.accept(id)
      return id
    }
  }
}

function choose({ eosId, bytes, whole }: Held, matcher: Matcher, random: Random): number {
  const mask = matcher.allowed()
  if (has(mask, eosId) && random() < EOS_SHARE) return eosId
  const ids = whole.filter((id) => has(mask, id))
  if (ids.length === 0) return eosId
  const closing = ids.filter((id) => CLOSING.has(bytes(id)[0]))
  return pick(closing.length > 0 && random() < CLOSING_SHARE ? closing : ids, random)
}

function pick(ids: readonly number[], random: Random): number {
  return ids[Math.floor(random() * ids.length)]
}

/** The tokens that are characters, none of them in part, and no tags. */
export function wholeTokens(tokenizer: Tokenizer): number[] {
  const decoder = new TextDecoder()
  const added = new Set(tokenizer.addedTexts.map((text) => tokenizer.addedToken(text)))
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => id).filter((id) => {
    const text = decoder.decode(tokenizer.bytes(id))
    return text !== '' && !text.includes('\ufffd') && !added.has(id) && !tokenizer.isSpecial(id)
  })
}
