// Nanbeige4-3B's full geometry with random weights, one thread: one isolate and a pipeline in workerd beside llama.cpp, in one run.
//
//   npm run bench:full                             everything; about 25 minutes on a quiet machine
//   npm run bench:full -- --only edge,native       some parts
//   npm run bench:full -- --planes 2 --rounds 1    fewer packs, fewer rounds
//   npm run bench:full -- --only edge --contexts 128,2048,8192,16384    deeper in a context
//
// The peers are installed apart: cd bench && npm install --omit=optional --ignore-scripts
import { existsSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Throughput } from '../peers/workload.ts'
import { buildReadKernel } from '../support/build.ts'
import { type EdgeRound, edgeRow, measureEdge } from './edge.ts'
import { parseOptions } from './options.ts'
import { measurePeer, peerRow, peers } from './peers.ts'
import { measurePipeline, measureRouter, type PipelineMeasured } from './pipeline.ts'
import { memoryTable, pipelineRow } from './pipeline-rows.ts'
import { writePipelineScripts } from './pipeline-scripts.ts'
import { bundleFullWorker } from './start.ts'
import { markdownTable } from './table.ts'

const { only, planes, contexts, rounds } = parseOptions()
const wanted = peers.filter(({ part }) => only.includes(part))
if (wanted.length > 0 && !existsSync('bench/node_modules')) {
  throw new Error('llama.cpp is not installed: see the top of bench/full/run.ts, or leave out native and wllama')
}
const inPipeline = only.includes('pipeline') ? planes : []
const edgeRounds = new Map(planes.map((count) => [count, [] as EdgeRound[]]))
const pipelineRounds = new Map(inPipeline.map((count) => [count, [] as PipelineMeasured[]]))
const peerRounds = new Map(wanted.map((peer) => [peer, [] as Throughput[]]))
// The contexts of both sessions are filled once, in the pack with the fewest planes: that takes minutes.
const filled = inPipeline[0]

await buildReadKernel()
const bundle = await bundleFullWorker()
const scripts = new Map<number, Awaited<ReturnType<typeof writePipelineScripts>>>()
for (const count of inPipeline) scripts.set(count, await writePipelineScripts(count))
// Everything in turn, round after round, since the speed of the machine drifts.
for (let round = 1; round <= rounds; round++) {
  process.stderr.write(`\nRound ${round} of ${rounds}\n`)
  for (const count of planes) {
    if (only.includes('edge')) edgeRounds.get(count)!.push(await measureEdge(bundle, count, contexts))
    const first = round === 1
    // Of the other packs one round says enough.
    if (count === filled || (first && inPipeline.includes(count))) {
      const measured = await measurePipeline(scripts.get(count)!, count, first && count === filled)
      pipelineRounds.get(count)!.push(measured)
    }
  }
  for (const peer of wanted) if (round <= peer.rounds) peerRounds.get(peer)!.push(await measurePeer(peer, contexts))
}
await bundle.remove()

console.log(`\n${cpus()[0].model}, Node ${process.version}, one thread; medians of ${rounds} rounds and their range:\n`)
console.log(
  markdownTable([
    ...[...edgeRounds].flatMap(([count, measured]) =>
      measured.length > 0 ? [edgeRow(count, contexts, measured)] : [],
    ),
    ...[...pipelineRounds].map(([count, measured]) =>
      pipelineRow(count, scripts.get(count)!, measured, edgeRounds.get(count)!),
    ),
    ...[...peerRounds].map(([peer, measured]) => peerRow(peer, contexts, measured)),
  ]),
)
if (filled !== undefined) {
  const router = await measureRouter(scripts.get(filled)!)
  console.log(`\nMemory of the isolates, ${filled} planes, two sessions of 2048 tokens:\n`)
  console.log(memoryTable(scripts.get(filled)!, pipelineRounds.get(filled)!, router))
}
