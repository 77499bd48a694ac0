import type { Random } from '../../src/generate/random.ts'
import { has } from '../../src/generate/token-mask.ts'
import type { Grammar } from '../../src/grammar/matcher.ts'
import { EOS_ID } from './fake-model.ts'

/** What ends things soonest. */
const ENDINGS = [EOS_ID, ...new TextEncoder().encode('"}],:')]

/**
 * A text that a grammar allows, of bytes drawn at random: for so many of them evenly, then those that end what is open. undefined where it does not
 * come to an end.
 */
export function writtenAtRandom(grammar: Grammar, random: Random, wild: number): string | undefined {
  const matcher = grammar.matcher()
  const bytes: number[] = []
  try {
    while (bytes.length < wild + 400) {
      const mask = matcher.allowed()
      const allowed = Array.from({ length: EOS_ID + 1 }, (_, id) => id).filter((id) => has(mask, id))
      if (allowed.length === 0) throw new Error(`nothing follows ${JSON.stringify(textOf(bytes))}`)
      const ending = bytes.length < wild ? undefined : ENDINGS.find((id) => has(mask, id))
      const id = ending ?? allowed[Math.floor(random() * allowed.length)]
      if (id === EOS_ID) return textOf(bytes)
      if (!matcher.accept(id)) throw new Error(`${id} was allowed behind ${JSON.stringify(textOf(bytes))}`)
      bytes.push(id)
    }
    return undefined
  } finally {
    matcher.dispose()
  }
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes))
}
