import { createRandom, type Random } from '../../src/generate/random.ts'
import { type RealServer, SERVED_EOS_ID, SERVED_MODEL } from '../../test/origins/real-server.ts'
import { median } from '../support/median.ts'
import { percentile } from '../support/percentile.ts'
import { check } from './check.ts'
import type { BenchClient, Question, Streamed } from './client.ts'
import { Expectations, segmentsOf, textOf } from './expected.ts'
import { prompts } from './prompts.ts'

const MAX_TOKENS = 80
/** Tokens after which the edge hands over. */
const BUDGETS = { from: 12, to: 36 }

/** One row: answers that move from the edge to the server at a random token, by what is right and how long the client waits. */
export async function measureHandover(client: BenchClient, server: RealServer, count: number) {
  const random = createRandom(1)
  const expectations = new Expectations(client, server)
  await client.configure([{ name: 'real', kind: server.kind, url: server.url, model: SERVED_MODEL }])
  const counts = { handovers: 0, edgeOnly: 0, exact: 0, cutInside: 0 }
  const gaps: number[] = []
  const intervals: number[] = []
  const longest: number[] = []
  for (const [index, messages] of prompts(count, random).entries()) {
    const { question, own } = await longAnswer(expectations, messages)
    await client.log()
    const streamed = await client.stream(question, budgetFor(own, random))
    const segments = segmentsOf(await client.log())
    const { problems } = check(streamed, await expectations.answer(question, segments))
    if (problems.length === 0) counts.exact++
    else console.error(`\n${JSON.stringify(messages)}, ${JSON.stringify(segments)}:\n${problems.join('\n')}`)
    if (segments.length === 1) counts.edgeOnly++
    if (segments.length === 2) {
      const spoken = textOf(own.slice(0, segments[1].from))
      counts.handovers++
      if (spoken.rest !== '') counts.cutInside++
      const times = switchTimes(streamed, spoken.text.length)
      gaps.push(...times.gaps)
      intervals.push(...times.intervals)
      longest.push(times.longest)
    }
    process.stderr.write(`\rhandover ${index + 1} of ${count}, ${counts.exact} exact `)
  }
  process.stderr.write('\n')
  const ms = (value: number) => Math.round(value)
  return {
    wrong: count - counts.exact,
    row: {
      origin: server.kind,
      prompts: count,
      handovers: counts.handovers,
      'the edge was done first': counts.edgeOnly,
      exact: counts.exact,
      'cuts inside a character': counts.cutInside,
      'edge interval, median ms': ms(median(intervals)),
      'gap at the switch, median ms': ms(median(gaps)),
      '95 %': ms(percentile(gaps, 0.95)),
      max: ms(Math.max(...gaps)),
      'longest pause of a stream, median ms': ms(median(longest)),
      'of all': ms(Math.max(...longest)),
    },
  }
}

/** A question whose answer is long enough at the edge, if need be without an end token; and the edge's tokens. */
async function longAnswer(expectations: Expectations, messages: Question['messages']) {
  const question = { messages, maxTokens: MAX_TOKENS, bannedIds: [] }
  const { ids, end } = await expectations.edge(question)
  if (end === 'length') return { question, own: ids }
  const endless = { ...question, bannedIds: [SERVED_EOS_ID] }
  return { question: endless, own: (await expectations.edge(endless)).ids }
}

/** A random one; if possible one that ends inside a character. */
function budgetFor(ids: readonly number[], random: Random): number {
  const all = Array.from({ length: BUDGETS.to - BUDGETS.from + 1 }, (_, index) => BUDGETS.from + index)
  const inside = all.filter((budget) => textOf(ids.slice(0, budget)).rest !== '')
  const candidates = inside.length > 0 ? inside : all
  return candidates[Math.floor(random() * candidates.length)]
}

/** The time before the piece with which the text goes past the edge's, those between the edge's pieces, and the longest of all. */
function switchTimes({ pieces }: Streamed, edgeLength: number) {
  const before = pieces.slice(1).map(({ at }, index) => at - pieces[index].at)
  const longest = Math.max(...before)
  let length = pieces[0].text.length
  let edgePieces = 1
  while (edgePieces < pieces.length && length + pieces[edgePieces].text.length <= edgeLength) {
    length += pieces[edgePieces].text.length
    edgePieces++
  }
  return { gaps: before.slice(edgePieces - 1, edgePieces), intervals: before.slice(0, edgePieces - 1), longest }
}
