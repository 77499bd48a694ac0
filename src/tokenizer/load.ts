import { byteFallbackEncoder } from './byte-fallback.ts'
import { byteLevelEncoder } from './byte-level.ts'
import { escapeRegExp } from './escape-regexp.ts'
import { Merger } from './merger.ts'
import { BYTE_FALLBACK, SPECIAL } from './table-format.ts'
import { openTables, type Tables } from './tables.ts'
import type { Tokenizer } from './tokenizer.ts'

const NO_BYTES = new Uint8Array(0)
const asItIs = (stretch: string) => stretch

/**
 * A tokenizer over the compact tables of a pack, used where they lie: the bytes must not change afterwards.
 * @throws TokenizerTablesError when they are not tables of this version, or are damaged
 */
export function loadTokenizer(bytes: Uint8Array): Tokenizer {
  const tables = openTables(bytes)
  const added = addedTokens(tables)
  const encodeText = tables.kind === BYTE_FALLBACK ? byteFallbackEncoder(tables) : byteLevelEncoder(tables)
  const anyAdded = added.ids.size > 0 ? new RegExp([...added.ids.keys()].map(escapeRegExp).join('|'), 'g') : undefined
  const longest = longestPiece(tables)
  // Texts that are encoded at the same time, each in its own steps, have a merger each.
  const idle: Merger[] = []

  function* encodeInSteps(text: string, maxIds: number, unmask = asItIs): Generator<void, number[] | undefined> {
    // A lone surrogate has no UTF-8 form; like every encoder of UTF-8, take U+FFFD for it.
    const wellFormed = text.toWellFormed()
    // A character has at least one byte, and an id at most those of the longest piece.
    if (wellFormed.length > maxIds * longest) return undefined
    const merger = idle.pop() ?? new Merger(tables)
    const ids: number[] = []
    for (const _ of encodeStretches(wellFormed, ids, merger, unmask)) {
      // The merger may be in the middle of a segment: it is of no more use.
      if (ids.length > maxIds) return undefined
      yield
    }
    idle.push(merger)
    return ids.length > maxIds ? undefined : ids
  }

  /** The stretches between added tokens, and these. */
  function* encodeStretches(text: string, ids: number[], merger: Merger, unmask: typeof asItIs): Generator<void> {
    let start = 0
    for (const match of anyAdded ? text.matchAll(anyAdded) : []) {
      if (match.index > start) yield* encodeText(unmask(text.slice(start, match.index)), ids, merger)
      ids.push(added.ids.get(match[0])!)
      start = match.index + match[0].length
    }
    if (text.length > start) yield* encodeText(unmask(text.slice(start)), ids, merger)
  }

  return {
    vocabSize: tables.vocabSize,

    addedTexts: [...added.ids.keys()],

    encode(text, unmask) {
      const steps = encodeInSteps(text, Number.POSITIVE_INFINITY, unmask)
      for (;;) {
        const step = steps.next()
        if (step.done) return step.value!
      }
    },

    encodeInSteps,

    bytes(id) {
      return added.special.has(id) ? NO_BYTES : piece(tables, id)
    },

    isSpecial(id) {
      return added.special.has(id)
    },

    addedToken(text) {
      return added.ids.get(text)
    },

    addsSpaceAfter(id) {
      return tables.prefixSpace && (id === null || added.all.has(id))
    },
  }
}

function addedTokens(tables: Tables) {
  const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true })
  const all = new Set<number>()
  const special = new Set<number>()
  const texts: [string, number][] = []
  for (const entry of tables.added) {
    const id = (entry & ~SPECIAL) >>> 0
    all.add(id)
    if (entry & SPECIAL) special.add(id)
    const text = decoder.decode(piece(tables, id))
    if (text !== '') texts.push([text, id])
  }
  // Longest first: an alternation takes the first alternative that fits, the references take the longest token.
  texts.sort(([a], [b]) => b.length - a.length)
  return { all, special, ids: new Map(texts) }
}

/** In bytes. */
function longestPiece({ pieceStarts, vocabSize }: Tables): number {
  let longest = 1
  for (let id = 0; id < vocabSize; id++) longest = Math.max(longest, pieceStarts[id + 1] - pieceStarts[id])
  return longest
}

function piece(tables: Tables, id: number): Uint8Array {
  if (id < 0 || id >= tables.vocabSize) return NO_BYTES
  return tables.pieces.subarray(tables.pieceStarts[id], tables.pieceStarts[id + 1])
}
