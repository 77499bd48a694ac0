import { bandMatrix } from '../../src/weights/bands.ts'
import { folderStore } from '../../src/weights/folder-store.ts'
import { parseManifest } from '../../src/weights/parse-manifest.ts'
import { tensorBytes } from '../../src/weights/plane-layout.ts'
import { heapUsage } from '../support/heap.ts'
import { median } from '../support/median.ts'
import { type ContextLength, capacityFor, GROUP_SIZE, type PlaneCount, PREFILL_TOKENS } from './geometry.ts'
import { post, postForLines } from './post.ts'
import { progress } from './progress.ts'
import { randomPack } from './random-pack.ts'
import { decodeSpeed, promptOf, seconds } from './speed.ts'
import { spread } from './spread.ts'
import { type FullBundle, type FullWorker, startFullWorker } from './start.ts'
import type { Row } from './table.ts'

/** Run before anything is timed, so that V8 has optimized the kernels. */
const WARM_UP_TOKENS = 64
const READS = 3

/** One round: tokens and gigabytes a second. */
export interface EdgeRound {
  /** Bytes of weights that a token reads: all but the embedding. */
  readonly tokenBytes: number
  /** From the start of the process to the first token, in seconds. */
  readonly coldStart: number
  /** In the order of the contexts. */
  readonly decode: readonly number[]
  readonly prefill: number
  readonly read: number
  readonly wasmBytes: number
  readonly heapBytes: number
}

/** The model in one isolate, in a workerd of its own. */
export async function measureEdge(
  bundle: FullBundle,
  planes: PlaneCount,
  contexts: readonly ContextLength[],
): Promise<EdgeRound> {
  const name = `${planes} planes`
  const pack = await randomPack(planes)
  const started = performance.now()
  const worker = await startFullWorker(bundle, pack)
  try {
    await post(worker, '/load', { contextLength: Math.max(capacityFor(contexts), PREFILL_TOKENS) })
    for await (const _ of postForLines(worker, '/generate', { context: 1, tokens: 1 }));
    const coldStart = (performance.now() - started) / 1000
    progress(`${name}: cold start`, coldStart, 's')
    const speeds = await measureSpeeds(worker, name, contexts)
    const { wasmBytes } = await post<{ wasmBytes: number }>(worker, '/memory')
    const { heapBytes, bufferBytes } = (await heapUsage(worker.inspector)).get('worker')!
    progress(`${name}: heap`, (heapBytes + bufferBytes) / 1e6, 'MB')
    return { tokenBytes: await tokenBytes(pack), coldStart, ...speeds, wasmBytes, heapBytes: heapBytes + bufferBytes }
  } finally {
    await worker.stop()
  }
}

/** Memory is read before and after the rest: the better rate is the roofline. */
async function measureSpeeds(
  worker: FullWorker,
  name: string,
  contexts: readonly ContextLength[],
): Promise<Pick<EdgeRound, 'decode' | 'prefill' | 'read'>> {
  await post(worker, '/touch-cache')
  await post(worker, '/prefill', promptOf(WARM_UP_TOKENS))
  const before = await readSpeed(worker)
  const decode: number[] = []
  for (const context of contexts) {
    const speed = await decodeSpeed(worker, { context })
    progress(`${name}: decode at ${context} tokens of context`, speed, 'tokens/s')
    decode.push(speed)
  }
  const prefill = PREFILL_TOKENS / (await seconds(() => post(worker, '/prefill', promptOf(PREFILL_TOKENS))))
  progress(`${name}: prefill of ${PREFILL_TOKENS}`, prefill, 'tokens/s')
  const read = Math.max(before, await readSpeed(worker))
  progress(`${name}: plain read`, read, 'GB/s')
  return { decode, prefill, read }
}

/** The best of some, since any pause of the host would make the roofline lower than it is. The first fills the memory. */
async function readSpeed(worker: FullWorker): Promise<number> {
  const { bytes } = await post<{ bytes: number }>(worker, '/read')
  let best = 0
  for (let i = 0; i < READS; i++) best = Math.max(best, bytes / 1e9 / (await seconds(() => post(worker, '/read'))))
  return best
}

export async function tokenBytes(pack: string): Promise<number> {
  const { tensors } = parseManifest(await folderStore(pack).manifest(), pack)
  return tensors
    .filter(({ name }) => bandMatrix(name) !== 'embedding')
    .reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
}

export function edgeRow(planes: PlaneCount, contexts: readonly ContextLength[], rounds: readonly EdgeRound[]): Row {
  const each = (value: (round: EdgeRound) => number, digits?: number) => spread(rounds.map(value), digits)
  const middle = (value: (round: EdgeRound) => number) => median(rounds.map(value))
  return {
    engine: `nanbeige-edge, one isolate, ${planes} planes, groups of ${GROUP_SIZE}`,
    'GB a token': (rounds[0].tokenBytes / 1e9).toFixed(2),
    ...Object.fromEntries(contexts.map((context, i) => [`decode at ${context}`, each(({ decode }) => decode[i])])),
    prefill: each(({ prefill }) => prefill, 1),
    'prefill ÷ decode': each(({ prefill, decode }) => prefill / decode[0]),
    'cold start, s': each(({ coldStart }) => coldStart, 1),
    'Wasm MB': (middle(({ wasmBytes }) => wasmBytes) / 1e6).toFixed(0),
    'heap MB': (middle(({ heapBytes }) => heapBytes) / 1e6).toFixed(1),
    'read GB/s': each(({ read }) => read, 1),
    'share of read': each(({ read, decode, tokenBytes }) => (decode[0] * tokenBytes) / 1e9 / read),
  }
}
