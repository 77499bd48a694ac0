import type { Workload } from './workload.ts'

// These functions run inside the page: playwright sends their source text there, so each must be self-contained. The files of
// the model are in the page's input; as blobs fetched they would be held in memory, where 2 GB is the most.

export interface PageResult {
  readonly libllama: string
  readonly multithread: boolean
  readonly decodeRates: number[]
  readonly prefillRates: number[]
  readonly tokens: number[] | null
}

/** The part of wllama 2's API that is used here. */
interface Wllama2 {
  loadModel(blobs: Blob[], options: object): Promise<void>
  isMultithread(): boolean
  kvClear(): Promise<void>
  decode(tokens: readonly number[], options: { skipLogits?: boolean }): Promise<unknown>
  samplingInit(options: object): Promise<void>
  samplingSample(): Promise<{ token: number }>
}

interface Timings {
  readonly prompt_per_second: number
  readonly predicted_per_second: number
}

/** The part of wllama 3's API that is used here. It embeds llama.cpp's server and reports the server's own timings. */
interface Wllama3 {
  loadModel(blobs: Blob[], options: object): Promise<void>
  isMultithread(): boolean
  createCompletion(options: object): Promise<{ timings: Timings }>
}

interface Module<T> {
  Wllama: { new (paths: Record<string, string>, options: object): T; getLibllamaVersion(): string }
}

export async function runWllama2(workload: Workload): Promise<PageResult> {
  const entry = '/wllama/index.js'
  const { Wllama } = (await import(entry)) as Module<Wllama2>
  const wllama = new Wllama(
    { 'single-thread/wllama.wasm': '/wllama/single-thread/wllama.wasm' },
    { suppressNativeLog: true },
  )
  const { prompt, prefill, decodeTokens, runs } = workload
  const size = Math.max(prefill.length, prompt.length + decodeTokens)
  await wllama.loadModel([...document.querySelector('input')!.files!], { n_ctx: size, n_batch: size, n_threads: 1 })
  await wllama.samplingInit({ temp: 0 })
  const decodeRates: number[] = []
  const prefillRates: number[] = []
  let tokens: number[] = []
  for (let run = 0; run < runs; run++) {
    await wllama.kvClear()
    let started = performance.now()
    await wllama.decode(prefill, { skipLogits: true })
    prefillRates.push((1000 * prefill.length) / (performance.now() - started))

    await wllama.kvClear()
    await wllama.decode(prompt, {})
    tokens = [(await wllama.samplingSample()).token]
    started = performance.now()
    while (tokens.length < decodeTokens) {
      await wllama.decode(tokens.slice(-1), {})
      tokens.push((await wllama.samplingSample()).token)
    }
    decodeRates.push((1000 * (decodeTokens - 1)) / (performance.now() - started))
  }
  return {
    libllama: Wllama.getLibllamaVersion(),
    multithread: wllama.isMultithread(),
    decodeRates,
    prefillRates,
    tokens,
  }
}

export async function runWllama3(workload: Workload): Promise<PageResult> {
  const entry = '/wllama/index.js'
  const { Wllama } = (await import(entry)) as Module<Wllama3>
  const wllama = new Wllama({ default: '/wllama/wasm/wllama.wasm' }, { suppressNativeLog: true })
  const { prompt, prefill, decodeTokens, runs } = workload
  const size = Math.max(prefill.length + 1, prompt.length + decodeTokens)
  await wllama.loadModel([...document.querySelector('input')!.files!], {
    n_ctx: size,
    n_batch: size,
    n_threads: 1,
    n_parallel: 1,
    n_gpu_layers: 0,
    warmup: false,
  })
  const decodeRates: number[] = []
  const prefillRates: number[] = []
  // wllama 3 takes text only. A repeated word that is one token gives a prompt of known length; the speed does not depend
  // on which tokens they are.
  const complete = async (promptLength: number, count: number) => {
    const prompt = ' the'.repeat(promptLength)
    const options = { prompt, max_tokens: count, temperature: 0, ignore_eos: true, cache_prompt: false }
    return (await wllama.createCompletion(options)).timings
  }
  for (let run = 0; run < runs; run++) {
    prefillRates.push((await complete(prefill.length, 1)).prompt_per_second)
    decodeRates.push((await complete(prompt.length, decodeTokens)).predicted_per_second)
  }
  return {
    libllama: Wllama.getLibllamaVersion(),
    multithread: wllama.isMultithread(),
    decodeRates,
    prefillRates,
    tokens: null,
  }
}
