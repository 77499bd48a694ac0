// Prints the throughput of wllama, single-threaded in headless Chromium, as JSON:
//
//   npx node bench/peers/wllama.ts path/to/model.gguf [2 | 3]
//
// CHROMIUM names the browser where it is not in the usual place.

import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { median } from '../support/median.ts'
import { serveOnLoopback } from './loopback.ts'
import { splitFiles } from './split-files.ts'
import { runWllama2, runWllama3 } from './wllama-page.ts'
import { shortWorkload, type Throughput, type Workload } from './workload.ts'

/** Major versions: 2 is 2.4.0, 3 is 3.8.1 (bench/package.json). */
export const wllamaMajors = [2, 3] as const
export type WllamaMajor = (typeof wllamaMajors)[number]

const ENTRIES = { 2: '@wllama/wllama/esm/index.js', 3: '@wllama/wllama-3/esm/index.js' } as const
const RUNNERS = { 2: runWllama2, 3: runWllama3 } as const
const LAUNCH_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

/**
 * Runs the workload on wllama in Chromium, one thread, CPU. Published wllama binaries hold none of ggml's hand-written
 * Wasm dot kernels: this is what a user of the package gets, not the best that llama.cpp could do in Wasm.
 */
export async function measureWllama(modelPath: string, workload: Workload, major: WllamaMajor): Promise<Throughput> {
  const folder = dirname(fileURLToPath(import.meta.resolve(ENTRIES[major])))
  const server = await serveOnLoopback(folder)
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: LAUNCH_FLAGS,
  })
  try {
    const page = await browser.newPage()
    await page.goto(server.url)
    await page.setInputFiles('input', splitFiles(modelPath))
    const result = await page.evaluate(RUNNERS[major], workload)
    if (result.multithread) throw new Error(`wllama ${major} ran on several threads: its figures would not compare`)
    return {
      engine: 'llama.cpp, wllama in Chromium',
      version: `wllama ${major}, llama.cpp ${result.libllama}, Chromium ${browser.version()}`,
      decodeTokensPerSecond: median(result.decodeRates),
      prefillTokensPerSecond: median(result.prefillRates),
      tokens: result.tokens,
    }
  } finally {
    await browser.close()
    server.close()
  }
}

if (import.meta.main) {
  const major = wllamaMajors.find((known) => String(known) === process.argv[3]) ?? 2
  console.log(JSON.stringify(await measureWllama(process.argv[2], await shortWorkload(), major), null, 2))
}
