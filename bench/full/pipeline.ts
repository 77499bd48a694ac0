import { heapUsage } from '../support/heap.ts'
import { CONTEXTS, type PlaneCount, PREFILL_TOKENS } from './geometry.ts'
import { type FullPipeline, type PipelineScripts, startScripts } from './pipeline-scripts.ts'
import { post } from './post.ts'
import { progress } from './progress.ts'
import { decodeSpeed, promptOf, seconds } from './speed.ts'

const [SHORT, LONG] = CONTEXTS
const WARM_UP_TOKENS = 64

/** One round: tokens a second, seconds. */
export interface PipelineRound {
  /** Loading the weights of all stages. */
  readonly load: number
  /** Behind the shorter context. */
  readonly decode: number
  readonly prefill: number
}

/** Both sessions of the plan at the longest context. */
export interface FullSessions {
  readonly decode: number
  readonly prefill: number
  /** Bytes of the JavaScript heaps and buffers of the stages, in their order. */
  readonly heapBytes: readonly number[]
}

/** What the router's isolate holds. */
export interface RouterMemory {
  readonly wasmBytes: number
  readonly heapBytes: number
}

export interface PipelineMeasured {
  readonly round: PipelineRound
  readonly full: FullSessions | undefined
}

/** All stages in one workerd. `withFull`: also fill the contexts of both sessions, which takes minutes. */
export async function measurePipeline(
  scripts: PipelineScripts,
  planes: PlaneCount,
  withFull: boolean,
): Promise<PipelineMeasured> {
  const name = `${planes} planes, pipeline of ${scripts.plan.stages.length} stages`
  const pipeline = await startScripts(scripts, 'bench')
  try {
    const load = await seconds(() => post(pipeline, '/load'))
    progress(`${name}: loading`, load, 's')
    await post(pipeline, '/hold', promptOf(WARM_UP_TOKENS))
    const prefill = PREFILL_TOKENS / (await seconds(() => post(pipeline, '/hold', promptOf(PREFILL_TOKENS))))
    progress(`${name}: prefill of ${PREFILL_TOKENS}`, prefill, 'tokens/s')
    await post(pipeline, '/let-go')
    await post(pipeline, '/hold', promptOf(SHORT - 1))
    const decode = await decodeSpeed(pipeline, { index: 0 })
    progress(`${name}: decode at ${SHORT} tokens of context`, decode, 'tokens/s')
    await post(pipeline, '/let-go')
    const full = withFull ? await measureFullSessions(pipeline, scripts, name) : undefined
    return { round: { load, decode, prefill }, full }
  } finally {
    await pipeline.stop()
  }
}

async function measureFullSessions(
  pipeline: FullPipeline,
  { plan }: PipelineScripts,
  name: string,
): Promise<FullSessions> {
  const prompt = promptOf(LONG - 1)
  const prefill = prompt.length / (await seconds(() => post(pipeline, '/hold', prompt)))
  progress(`${name}: prefill of ${LONG}`, prefill, 'tokens/s')
  await post(pipeline, '/hold', prompt)
  const decode = await decodeSpeed(pipeline, { index: 0 })
  progress(`${name}: decode at ${LONG} tokens of context, two sessions held`, decode, 'tokens/s')
  const heaps = await heapUsage(pipeline.inspector)
  const heapBytes = plan.stages.map((_, index) => {
    const [, usage] = [...heaps].find(([script]) => script.endsWith(`-stage-${index}`))!
    return usage.heapBytes + usage.bufferBytes
  })
  return { decode, prefill, heapBytes }
}

/** The router as it is deployed, with the tokenizer of the full vocabulary, after a chat. */
export async function measureRouter(scripts: PipelineScripts): Promise<RouterMemory> {
  // The pages of the embedding are the router's only Wasm memory; its stand-in has the same.
  const bench = await startScripts(scripts, 'bench')
  await post(bench, '/load')
  const { wasmBytes } = await post<{ wasmBytes: number }>(bench, '/memory')
  await bench.stop()
  const pipeline = await startScripts(scripts, 'router')
  try {
    await post(pipeline, '/v1/chat/completions', {
      messages: [{ role: 'user', content: 'Why is the sky blue? '.repeat(20) }],
      max_tokens: 8,
    })
    const heaps = await heapUsage(pipeline.inspector)
    const [, { heapBytes, bufferBytes }] = [...heaps].find(([script]) => !/-stage-\d+$/.test(script))!
    progress('router: heap', (heapBytes + bufferBytes) / 1e6, 'MB')
    return { wasmBytes, heapBytes: heapBytes + bufferBytes }
  } finally {
    await pipeline.stop()
  }
}
