// Answers of the embedded model in the widget in Chromium: connections are cut, the page is loaded again and the server restarted at random
// bytes of the stream. How many end as the same answer does undisturbed, or with a piece of it and an error that says so.
//
//   npm run bench:resume            100 answers
//   npm run bench:resume -- 10      10 of them
import { type Disturbance, DisturbedAnswers, type Outcome } from '../../test/browser/disturbed-answers.ts'
import { median } from '../support/median.ts'

const ANSWERS = Number(process.argv[2] ?? 100)
/** In turn: a restart forgets the answer, the others must not be seen. */
const PLANS: readonly (readonly Disturbance[])[] = [
  ['cut'],
  ['reload'],
  ['cut', 'cut', 'cut'],
  ['restart'],
  ['cut', 'reload'],
  ['reload', 'cut', 'reload'],
]

const answers = await DisturbedAnswers.start(1)
const counts: Record<string, Partial<Record<Outcome, number>>> = {}
const times: number[] = []
try {
  for (let number = 0; number < ANSWERS; number++) {
    const plan = PLANS[number % PLANS.length]
    const { outcome, text, expected, error, streams, ms } = await answers.answer(plan)
    const of = plan.includes('restart') ? 'restarts' : 'cuts and reloads'
    counts[of] = { ...counts[of], [outcome]: (counts[of]?.[outcome] ?? 0) + 1 }
    times.push(ms)
    const told = `${outcome}${error ? ` (${error})` : ''}, ${streams} connections, ${(ms / 1000).toFixed(1)} s`
    console.log(`${String(number + 1).padStart(4)}  ${plan.join(', ').padEnd(22)} ${told}`)
    if (outcome === 'wrong') console.log({ text, expected })
  }
} finally {
  await answers.stop()
}
console.table(counts)
console.log(`median ${(median(times) / 1000).toFixed(1)} s an answer`)
process.exit()
