// How many loops are found, how many sound texts are taken for loops, and what a token costs.
//
//   npm run bench:loops
import { isWord } from '../../src/chat/loop-rescue.ts'
import { LoopWatch } from '../../src/generate/loop-watch.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts'
import { nanbeigeTokenizer } from '../../test/support/nanbeige.ts'
import { smolLm2Tables } from '../../test/support/smollm2-tokenizer-tables.ts'
import { type Loop, loops } from '../../test/support/traces/loops.ts'
import { soundTexts } from '../../test/support/traces/sound.ts'
import { foundAfter, foundBehind, IN_TIME } from '../../test/support/traces/watch.ts'
import { median } from '../support/median.ts'

const ROUNDS = 20

const tables = smolLm2Tables()
const tokenizers: Record<string, Tokenizer> = {
  ...(tables && { SmolLM2: loadTokenizer(tables) }),
  Nanbeige: nanbeigeTokenizer(),
}
const looping = loops()
const sound = soundTexts()

for (const [name, tokenizer] of Object.entries(tokenizers)) {
  const found = looping.map((loop) => ({ loop, behind: foundBehind(tokenizer, loop) }))
  const inTime = found.filter(({ behind }) => behind !== undefined && behind <= IN_TIME)
  const late = found.filter(({ behind }) => behind !== undefined && behind > IN_TIME)
  const alarms = sound.filter(({ text }) => foundAfter(tokenizer, text) !== undefined)
  const periods = looping.map(({ rounds }) => tokenizer.encode(rounds[0]).length).sort((a, b) => a - b)
  console.log(
    `\n${name}: loops of ${periods[0]} to ${periods.at(-1)} tokens, half of them of ${median(periods)} or less`,
  )
  console.table({
    [`found within ${IN_TIME} tokens of the second round`]: `${inTime.length} of ${looping.length}`,
    'found later': late.length,
    'median, tokens behind the second round': median(inTime.map(({ behind }) => behind!)),
    'false alarms': `${alarms.length} of ${sound.length}`,
    'ns a token': Math.round(nsPerToken(tokenizer)),
  })
  for (const { loop, behind } of found) {
    if (behind === undefined || behind > IN_TIME)
      console.log(`not in time: ${describe(tokenizer, loop)}, ${behind ?? 'never'}`)
  }
  for (const { kind, text } of alarms) console.log(`false alarm: ${kind}, after ${foundAfter(tokenizer, text)} tokens`)
}

function describe(tokenizer: Tokenizer, { kind, rounds }: Loop): string {
  return `${kind} of ${tokenizer.encode(rounds[0]).length} tokens`
}

/** Of the sound texts, one behind the other: their words known, as an answer does not. */
function nsPerToken(tokenizer: Tokenizer): number {
  const ids = sound.slice(0, 100).flatMap(({ text }) => tokenizer.encode(text))
  const times = Array.from({ length: ROUNDS }, () => {
    const watch = new LoopWatch()
    let loops = 0
    const start = performance.now()
    for (const id of ids) {
      watch.push(id, isWord(tokenizer.bytes(id)))
      if (watch.isLoop(1)) loops++
    }
    return ((performance.now() - start) * 1e6) / ids.length + 0 * loops
  })
  return median(times)
}
