import { median } from '../support/median.ts'
import type { EdgeRound } from './edge.ts'
import { GROUP_SIZE, type PlaneCount } from './geometry.ts'
import type { PipelineMeasured, RouterMemory } from './pipeline.ts'
import type { PipelineScripts } from './pipeline-scripts.ts'
import { spread } from './spread.ts'
import type { Row } from './table.ts'

const megabytes = (bytes: number, digits = 0) => (bytes / 1e6).toFixed(digits)

/** `edge`: the same pack in one isolate, round by round; the overhead is that of the time of a token. */
export function pipelineRow(
  planes: PlaneCount,
  { plan }: PipelineScripts,
  measured: readonly PipelineMeasured[],
  edge: readonly EdgeRound[],
): Row {
  const full = measured.flatMap(({ full }) => full ?? [])
  const overheads = measured.flatMap(({ round }, i) => (edge[i] ? [edge[i].decode[0] / round.decode - 1] : []))
  return {
    engine: `nanbeige-edge, pipeline of ${plan.stages.length} stages, ${planes} planes, groups of ${GROUP_SIZE}`,
    'decode at 128': spread(measured.map(({ round }) => round.decode)),
    'decode at 2048': full.length > 0 ? spread(full.map(({ decode }) => decode)) : undefined,
    prefill: spread(
      measured.map(({ round }) => round.prefill),
      1,
    ),
    'prefill ÷ decode': spread(measured.map(({ round }) => round.prefill / round.decode)),
    'cold start, s': `${spread(
      measured.map(({ round }) => round.load),
      1,
    )} (loading)`,
    'Wasm MB': `at most ${megabytes(Math.max(...plan.stages.map(({ memoryBytes }) => memoryBytes)))} a stage`,
    'heap MB':
      full.length > 0 ? `at most ${megabytes(Math.max(...full.flatMap(({ heapBytes }) => heapBytes)), 1)}` : undefined,
    'overhead a token': overheads.length > 0 ? `${(median(overheads) * 100).toFixed(1)} %` : undefined,
  }
}

/** Memory of every isolate of a pipeline, both sessions full, as a Markdown table. */
export function memoryTable(
  { plan }: PipelineScripts,
  measured: readonly PipelineMeasured[],
  router: RouterMemory,
): string {
  const heapBytes = measured.flatMap(({ full }) => full?.heapBytes ?? []).slice(-plan.stages.length)
  const row = (name: string, wasm: number, heap: number) =>
    `| ${name} | ${megabytes(wasm, 1)} | ${megabytes(heap, 1)} | ${megabytes(wasm + heap, 1)} |`
  return [
    '| isolate | Wasm MB | heap MB | together |',
    '| --- | --- | --- | --- |',
    ...plan.stages.map((stage, i) => {
      const what = stage.kind === 'layers' ? `layers, ${stage.count}` : `head, ${stage.rows} rows`
      return row(`stage ${i} (${what})`, stage.memoryBytes, heapBytes[i])
    }),
    row('router', router.wasmBytes, router.heapBytes),
  ].join('\n')
}
