import { coldStart, coldStartDollars, coldStartSeconds, READ_RATES } from '../deploy/cold-start.ts'
import { edgeCost, gpuCost } from '../deploy/cost.ts'
import { HEAP_BYTES, HIBERNATION_SECONDS, ISOLATE_BYTES, MIB, XGRAMMAR_BYTES } from '../deploy/platform-limits.ts'
import { gpuDecoding, prices } from '../deploy/prices.ts'
import { PAGE_BYTES } from '../deploy/shard-layout.ts'
import { EMBEDDING_CACHE_BYTES } from '../pipeline/embedding-pages.ts'
import type { Plan, StagePlan } from '../pipeline/stage-plan.ts'
import type { ModelShape } from '../pipeline/stage-tensors.ts'
import { bandMatrix, bandsOf } from '../weights/bands.ts'
import type { Manifest } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { textTable } from './text-table.ts'

/** Tokens that the costs are of. */
const TOKENS = 1000
const COLUMNS = ['stage', 'holds', 'weights', 'KV cache', 'scratch', 'Wasm memory', 'ms/token'] as const

const mib = (bytes: number) => (bytes / MIB).toFixed(1)
const dollars = (amount: number) => `$${amount.toFixed(amount < 0.001 ? 6 : 4)}`

function holds(stage: StagePlan): string {
  if (stage.kind === 'head') return `head, rows ${stage.firstRow} ... ${stage.firstRow + stage.rows - 1}`
  const last = stage.first + stage.count - 1
  return stage.count === 1 ? `layer ${stage.first}` : `layers ${stage.first} ... ${last}`
}

/** The stages of a plan as a table, sizes in MiB; `stageSeconds`: of computing for one token. */
export function describeStages(plan: Plan, stageSeconds: readonly number[]): string {
  const rows = plan.stages.map((stage, index) => [
    String(index),
    holds(stage),
    ...[stage.weightBytes, stage.kvBytes, stage.scratchBytes, stage.memoryBytes].map(mib),
    (stageSeconds[index] * 1000).toFixed(1),
  ])
  const total = (bytes: (stage: StagePlan) => number) => mib(plan.stages.reduce((sum, stage) => sum + bytes(stage), 0))
  const totals = [
    'total',
    `${plan.stages.length} stages, MiB`,
    total(({ weightBytes }) => weightBytes),
    total(({ kvBytes }) => kvBytes),
    total(({ scratchBytes }) => scratchBytes),
    total(({ memoryBytes }) => memoryBytes),
    (stageSeconds.reduce((sum, seconds) => sum + seconds, 0) * 1000).toFixed(1),
  ]
  return textTable([COLUMNS, ...rows, totals], 2).join('\n')
}

/** What the router holds beside the JavaScript of its own. */
export function describeRouter({ tokenizer, tensors }: Pick<Manifest, 'tokenizer' | 'tensors'>): string {
  const embedding = bandsOf(tensors, 'embedding').reduce((sum, band) => sum + tensorBytes(band), 0)
  const pages = Math.min(embedding, EMBEDDING_CACHE_BYTES)
  const wasm = tokenizer.bytes + pages + XGRAMMAR_BYTES
  const room =
    wasm + HEAP_BYTES > ISOLATE_BYTES
      ? '\nwarning: with a grammar the router would pass the 128 MB of an isolate: it would end within an answer that is held to a form'
      : ''
  return (
    `router: ${mib(wasm)} MiB: tokenizer tables ${mib(tokenizer.bytes)}, embedding pages ${mib(pages)} ` +
    `of ${mib(embedding)}, read ${mib(PAGE_BYTES)} at a time; XGrammar ${mib(XGRAMMAR_BYTES)}, once an answer is held to a form${room}`
  )
}

/** What comes before the first token where the objects have been idle. */
export function describeColdStart(plan: Plan): string {
  const start = coldStart(plan)
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)
  const atRates = READ_RATES.map(
    (rate) =>
      `${coldStartSeconds(start, rate).toFixed(1)} s and ${dollars(coldStartDollars(start, rate))} at ${rate} MB/s`,
  )
  return (
    `cold start: an object forgets its memory after ${HIBERNATION_SECONDS} s without work. The next request then waits until the stages have ` +
    `read ${megabytes(start.bytes)} MB again, all at once and at most ${megabytes(start.largestBytes)} MB each: ${atRates.join(', ')} a stage ` +
    '(assumed rates: none is published).'
  )
}

/** Speed, and what 1,000 tokens cost on Cloudflare and on GPUs. */
export function describeCost(model: ModelShape, plan: Plan, stageSeconds: readonly number[]): string {
  const edge = edgeCost(plan, stageSeconds, TOKENS)
  const weights = model.tensors
    .filter(({ name }) => bandMatrix(name) !== 'embedding' || model.config.tiedEmbedding)
    .reduce((sum, { shape }) => sum + shape.reduce((product: number, dim) => product * dim, 1), 0)
  const gpus = prices.gpus.map((gpu): string[] => {
    const { tokensPerSecond, alone, shared } = gpuCost(gpu, weights, TOKENS)
    const hour = `$${gpu.dollarsPerHour.toFixed(2)} an hour`
    return [gpu.name, `${tokensPerSecond.toFixed(1)} tokens/s (assumed)`, hour, dollars(alone), dollars(shared)]
  })
  const rows = [
    ['', 'one answer at a time', '', `${TOKENS} tokens`, `${gpuDecoding.requestsAtOnce} at once`],
    [
      'Cloudflare',
      `${(1 / edge.wallSeconds).toFixed(2)} tokens/s`,
      `${dollars(edge.requests)} requests + ${dollars(edge.duration)} duration`,
      dollars(edge.total),
      'the same',
    ],
    ...gpus,
  ]
  return [
    `CPU time of a token: ${(edge.cpuSeconds * 1000).toFixed(0)} ms, measured in Node on this machine, one thread, at ` +
      `${plan.contextLength >> 1} tokens of context; without the network between the stages.`,
    '',
    ...textTable(rows, 3),
    '',
    `Prices of ${prices.readOn} (src/deploy/prices.ts), without what plans include. Cloudflare bills objects while they work; a GPU's hour costs the same when ` +
      `it idles. GPUs: bf16 weights read at ${gpuDecoding.shareOfBandwidth} of their memory's bandwidth.`,
  ].join('\n')
}
