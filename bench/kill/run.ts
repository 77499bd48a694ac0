// Generations of a pipeline, router and stages in processes of their own, with one stage killed (SIGKILL) and started again at a random
// token of each: how many streams come to their end, and are what the same request gets when nothing is killed.
//
//   npm run bench:kill            50 generations
//   npm run bench:kill -- 10      10 of them
import { createRandom } from '../../src/generate/random.ts'
import { type Question, type StreamedText, streamed } from '../../test/pipeline/completion.ts'
import { embeddedPipeline } from '../../test/pipeline/embedded-pipeline.ts'
import { startProcesses } from '../../test/pipeline/pipeline-processes.ts'
import { median } from '../support/median.ts'

const GENERATIONS = Number(process.argv[2] ?? 50)
const TOKENS = 64
const SUBJECTS = ['the sea', 'a mill', 'two brothers', 'the moon', 'a lost key']

const pack = await embeddedPipeline(1)
const pipeline = await startProcesses(pack.out, pack.plan)
const random = createRandom(1)
const below = (limit: number) => Math.floor(random() * limit)

/** Milliseconds before each piece of the text but the first. */
async function timed(question: Question, onPiece: (pieces: number) => Promise<void> = async () => {}) {
  const gaps: number[] = []
  let last: number | undefined
  const result = await streamed(pipeline.url, question, async (pieces) => {
    const now = performance.now()
    if (last !== undefined) gaps.push(now - last)
    last = now
    await onPiece(pieces)
  })
  return { result, gaps }
}

const undisturbed: { question: Question; result: StreamedText; gaps: number[] }[] = []
for (const [seed, subject] of SUBJECTS.entries()) {
  const question = { content: `Tell me a long story about ${subject}.`, max_tokens: TOKENS, temperature: 1, seed }
  undisturbed.push({ question, ...(await timed(question)) })
}
const usualGap = median(undisturbed.flatMap(({ gaps }) => gaps))

const counts = { generations: 0, completed: 0, identical: 0 }
const longest: number[] = []
const killed: Record<string, number> = {}
try {
  for (; counts.generations < GENERATIONS; counts.generations++) {
    const { question, result: expected, gaps } = undisturbed[counts.generations % undisturbed.length]
    const stage = below(pack.plan.stages.length)
    const at = 1 + below(gaps.length)
    let back: Promise<void> | undefined
    const { result, gaps: disturbed } = await timed(question, async (pieces) => {
      if (pieces !== at) return
      await pipeline.stages[stage].kill()
      // The stream is read on meanwhile.
      back = pipeline.stages[stage].start()
    })
    await back
    const { kind } = pack.plan.stages[stage]
    killed[kind] = (killed[kind] ?? 0) + 1
    longest.push(Math.max(...disturbed))
    if (result.finish !== undefined && result.errorCode === undefined) counts.completed++
    if (JSON.stringify(result) === JSON.stringify(expected)) counts.identical++
    else console.error(`stage ${stage} (${kind}) killed after ${at} pieces:`, result, 'instead of', expected)
  }
} finally {
  await pipeline.stop()
  await pack.remove()
}
console.table([{ ...counts, ...killed }])
console.table([
  {
    'usual gap between pieces, ms': Math.round(usualGap),
    'longest gap of a killed generation, median, ms': Math.round(median(longest)),
    'longest of all, ms': Math.round(Math.max(...longest)),
  },
])
if (counts.identical < counts.generations) process.exitCode = 1
