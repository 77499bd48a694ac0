// Generated bodies against the API in workerd: what it answers, what the slowest cost it, and what it keeps of them.
//
//   npm run bench:bodies                 10,000 bodies
//   npm run bench:bodies -- 1000 7       1,000 of another seed
import { fuzz } from '../../test/bodies/fuzz.ts'

const [runs = 10_000, seed = 13] = process.argv.slice(2).map(Number)
const { failures, statuses, slowest, rss } = await fuzz(runs, seed)
console.log(`\n${runs} bodies, seed ${seed}, by status of the answer:`)
console.table(statuses)
for (const failure of failures) console.log(`  Answered badly: ${failure}`)
console.log('CPU time of the slowest, ms, beside the model:')
for (const { cpuMs, body } of slowest) console.log(`  ${cpuMs.toFixed(0).padStart(4)}  ${body.slice(0, 110)}`)
console.log(`Resident memory of workerd, MiB: ${rss.before} before, ${rss.after} after, ${rss.peak} at its highest.`)
if (failures.length > 0) process.exitCode = 1
