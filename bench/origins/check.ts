import type { Streamed } from './client.ts'
import type { Expected } from './expected.ts'

export interface Verdict {
  /** It came to its end as every stream should. */
  readonly completed: boolean
  /** Characters lost, repeated or changed. */
  readonly wrongCharacters: number
  readonly problems: readonly string[]
}

export function check({ pieces, finish, usage, done, error }: Streamed, expected: Expected): Verdict {
  const problems: string[] = []
  const same = (what: string, got: unknown, wanted: unknown) => {
    if (got !== wanted) problems.push(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(wanted)}`)
  }
  const text = pieces.map((piece) => piece.text).join('')
  same('text', text, expected.text)
  // Half of a character would be half of a surrogate pair; what is no character at all stands in the text too.
  same(
    'whole characters',
    pieces.every((piece) => piece.text.isWellFormed()),
    true,
  )
  same('error', error, undefined)
  same('[DONE]', done, true)
  same('finish_reason', finish, expected.finish)
  same('prompt_tokens', usage?.prompt_tokens, expected.promptTokens)
  same('completion_tokens', usage?.completion_tokens, expected.edgeTokens + expected.originTokens)
  same('edge_tokens', usage?.nanbeige.edge_tokens, expected.edgeTokens)
  same('origin_tokens', usage?.nanbeige.origin_tokens, expected.originTokens)
  return {
    completed: done && error === undefined && finish === expected.finish,
    wrongCharacters: difference([...text], [...expected.text]),
    problems,
  }
}

/** Characters between the common beginning and the common end, of the longer one. */
function difference(got: readonly string[], wanted: readonly string[]): number {
  const shorter = Math.min(got.length, wanted.length)
  let start = 0
  while (start < shorter && got[start] === wanted[start]) start++
  let end = 0
  while (end < shorter - start && got.at(-1 - end) === wanted.at(-1 - end)) end++
  return Math.max(got.length, wanted.length) - start - end
}
