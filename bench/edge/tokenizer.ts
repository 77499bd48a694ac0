// Time and memory of loading tokenizer tables, and time of encoding, for every tokenizer given:
//
//   npx node --expose-gc bench/edge/tokenizer.ts test/fixtures/nanbeige/tokenizer.json.br weights/smollm2-135m-instruct
//
// A tokenizer.json, plain or brotli, or the folder of a pack. Memory is what the process holds more after loading than
// before, tables included, after garbage collection.
import { readFileSync, statSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import { buildTokenizerTables, tokenizerSpecFromJson } from '../../src/pack/tokenizer/tables.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'

const MIB = 1024 * 1024
const SEGMENT = 10_000
const RUNS = 20

function readTables(path: string): Uint8Array {
  if (statSync(path).isDirectory()) {
    const { shard, offset, bytes } = JSON.parse(readFileSync(`${path}/manifest.json`, 'utf8')).tokenizer
    return new Uint8Array(readFileSync(`${path}/${shard}`)).slice(offset, offset + bytes)
  }
  const file = readFileSync(path)
  const json = path.endsWith('.br') ? brotliDecompressSync(file) : file
  return buildTokenizerTables(tokenizerSpecFromJson(JSON.parse(json.toString('utf8'))))
}

/** Bytes of JavaScript heap and ArrayBuffers in use. */
function memory(): number {
  if (!globalThis.gc) throw new Error('Run with --expose-gc: without it garbage is counted as memory.')
  globalThis.gc()
  globalThis.gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Processor time of this thread, so that other processes do not count. */
function processorTime(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

function measure(what: string, run: () => unknown) {
  const times = Array.from({ length: RUNS }, () => {
    const start = performance.now()
    const processorStart = processorTime()
    run()
    return { elapsed: performance.now() - start, processor: processorTime() - processorStart }
  })
  const [first] = times
  return {
    what,
    'first, elapsed ms': first.elapsed.toFixed(1),
    'first, processor ms': first.processor.toFixed(1),
    'best, elapsed ms': Math.min(...times.map(({ elapsed }) => elapsed)).toFixed(1),
  }
}

/** No spaces and no pre-tokenizer boundary: one segment, with as many merges as there can be. */
function segment(kind: 'letters' | 'one letter' | 'CJK'): string {
  if (kind === 'one letter') return 'a'.repeat(SEGMENT)
  const alphabet = kind === 'letters' ? 'etaoinshrdlucmfwypvbgkjqxz' : '的一是不了人我在有他这中大来上个国'
  let state = 1
  return Array.from({ length: SEGMENT }, () => {
    state = (state * 48271) % 0x7fffffff
    return alphabet[state % alphabet.length]
  }).join('')
}

for (const path of process.argv.slice(2)) {
  const tables = readTables(path)
  const load = measure('load', () => loadTokenizer(tables))
  const before = memory()
  const tokenizer = loadTokenizer(tables.slice())
  const held = memory() - before
  console.log(
    `${path}: ${tokenizer.vocabSize} ids, tables ${(tables.length / MIB).toFixed(2)} MiB, ` +
      `memory held after loading ${(held / MIB).toFixed(2)} MiB`,
  )
  console.table([
    load,
    ...(['letters', 'one letter', 'CJK'] as const).map((kind) => {
      const text = segment(kind)
      return measure(`encode ${SEGMENT} characters, ${kind}`, () => tokenizer.encode(text))
    }),
  ])
}
