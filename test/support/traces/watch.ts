import { isWord } from '../../../src/chat/loop-rescue.ts'
import { LoopWatch } from '../../../src/generate/loop-watch.ts'
import type { Tokenizer } from '../../../src/tokenizer/tokenizer.ts'
import type { Loop } from './loops.ts'

/** A loop must be found so many tokens behind its second round. */
export const IN_TIME = 200

/** After how many tokens a text is taken for a loop; undefined: it is not. */
export function foundAfter(tokenizer: Tokenizer, text: string, patience = 1): number | undefined {
  const watch = new LoopWatch()
  const found = tokenizer.encode(text).findIndex((id) => {
    watch.push(id, isWord(tokenizer.bytes(id)))
    return watch.isLoop(patience)
  })
  return found < 0 ? undefined : found + 1
}

/** How many tokens behind its second round a loop is found; undefined: it is not. */
export function foundBehind(tokenizer: Tokenizer, { before, rounds }: Loop): number | undefined {
  const second = tokenizer.encode(before + rounds.slice(0, 2).join('')).length
  const found = foundAfter(tokenizer, before + rounds.join(''))
  return found === undefined ? undefined : found - second
}
