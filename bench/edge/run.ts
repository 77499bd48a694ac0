// All benchmarks side by side in one run, one thread each:
//
//   npm run bench                    kernels and the embedded model, in Node and in workerd
//   npm run bench -- MODEL.gguf      the same beside llama.cpp (native, and wllama in headless Chromium) on the GGUF
//
// The peers are installed apart: cd bench && npm install --omit=optional --ignore-scripts
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { generate } from '../../src/generate/generate.ts'
import { readReference } from '../../test/reference/kl.ts'
import { kernelModules, loadEmbeddedModel } from '../../test/support/embedded-model.ts'
import { median } from '../support/median.ts'
import { measureAttention } from './attention.ts'
import { AttentionWorkload } from './attention-workload.ts'
import { KernelWorkload } from './kernel-workload.ts'
import { measureKernels } from './kernels.ts'
import { type ModelBench, measureModel, type Throughput, type Workload } from './model.ts'
import { greedy, prefill } from './model-workload.ts'
import { type BenchWorker, startBenchWorker } from './start-bench-worker.ts'

const ROUNDS = 3

const worker = await startBenchWorker()
try {
  await benchKernels(worker)
  await benchAttention(worker)
  await benchModel(worker, process.argv[2])
} finally {
  await worker.stop()
}

async function benchKernels(inWorkerd: BenchWorker): Promise<void> {
  const readModule = await WebAssembly.compile(await readFile('dist/bench-read.wasm'))
  const workload = await KernelWorkload.create(await kernelModules(), readModule)
  console.log('\nMatrix kernel at 10496 x 2560, Gweights/s a column, in Node:')
  console.table(
    await measureKernels({
      read: async () => workload.read(),
      run: async (run) => workload.run(run),
    }),
  )
  await inWorkerd.call('/kernels/load')
  console.log('The same in workerd:')
  console.table(
    await measureKernels({
      read: async () => (await inWorkerd.call<{ bytes: number }>('/kernels/read')).bytes,
      run: (run) => inWorkerd.call('/kernels/run', run),
    }),
  )
}

async function benchAttention(inWorkerd: BenchWorker): Promise<void> {
  const workload = await AttentionWorkload.create(await kernelModules())
  console.log('\nAttention of Nanbeige4-3B (32 layers, 20 heads over 4 of 128), in Node:')
  console.table(await measureAttention(async (run) => workload.run(run)))
  await inWorkerd.call('/attention/load')
  console.log('The same in workerd:')
  console.table(await measureAttention((run) => inWorkerd.call('/attention/run', run)))
}

async function benchModel(inWorkerd: BenchWorker, gguf: string | undefined): Promise<void> {
  const { texts } = await readReference()
  const ids = texts.flatMap((text) => text.tokens)
  const workload: Workload = { prompt: ids.slice(0, 16), decodeTokens: 64, prefill: ids.slice(0, 512) }
  await inWorkerd.call('/model/load')
  const { language } = await loadEmbeddedModel()
  const workerd: ModelBench = {
    prefill: (tokens) => inWorkerd.call('/model/prefill', tokens),
    async *generate(prompt, tokens) {
      const body = JSON.stringify({ prompt, tokens })
      const response = await fetch(`${inWorkerd.url}/model/generate`, { method: 'POST', body })
      yield* createInterface({ input: Readable.fromWeb(response.body as never) })
    },
  }
  const node: ModelBench = {
    prefill: (tokens) => prefill(language, tokens),
    generate: (prompt, tokens) => generate(language, greedy(prompt, tokens)),
  }
  const engines: Record<string, () => Promise<Throughput>> = {
    'nanbeige-edge, workerd': () => measureModel(workerd, workload),
    'nanbeige-edge, Node': () => measureModel(node, workload),
  }
  if (gguf === undefined || !existsSync('bench/node_modules')) {
    console.log(
      'llama.cpp is not measured: give the GGUF as an argument, and install bench/ (see the top of bench/edge/run.ts).',
    )
  } else {
    engines['llama.cpp, native'] = () => peer('native.ts', gguf)
    engines['wllama 2.4.0 (16 tokens, prefill 32)'] = () => peer('wllama.ts', gguf, '2')
    engines['wllama 3.8.1 (16 tokens, prefill 32)'] = () => peer('wllama.ts', gguf, '3')
  }
  const runs: Record<string, Throughput[]> = Object.fromEntries(Object.keys(engines).map((engine) => [engine, []]))
  // In rounds, since the machine's speed drifts; the first one warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [engine, measure] of Object.entries(engines)) {
      const result = await measure()
      if (round > 0) runs[engine].push(result)
    }
  }
  console.log(`\nSmolLM2-135M-Instruct Q4_1: 64 tokens after 16, prefill of 512, one thread, ${ROUNDS} rounds:`)
  console.table(
    Object.fromEntries(
      Object.entries(runs).map(([engine, results]) => [
        engine,
        {
          ...spread(
            'decode',
            results.map((result) => result.decodeTokensPerSecond),
          ),
          ...spread(
            'prefill',
            results.map((result) => result.prefillTokensPerSecond),
          ),
        },
      ]),
    ),
  )
}

/** Median and range in tokens a second. */
function spread(name: string, values: number[]): Record<string, string | number> {
  const [least, most] = [Math.min(...values), Math.max(...values)]
  return {
    [`${name} tokens/s`]: Number(median(values).toFixed(1)),
    [`${name} range`]: `${least.toFixed(1)} - ${most.toFixed(1)}`,
  }
}

/** A peer in a process of its own, so that neither its memory nor its threads stay. */
async function peer(script: string, ...args: string[]): Promise<Throughput> {
  const { stdout } = await promisify(execFile)(process.execPath, [`bench/peers/${script}`, ...args])
  return JSON.parse(stdout)
}
