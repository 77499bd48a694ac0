// What calibration and error feedback take for one layer of Nanbeige4-3B's geometry, with random weights and random tokens; or what the
// losses of some such layers take, which bits are chosen by.
//
//   npm exec -- node bench/quantization/layer.ts [--tokens 4096] [--planes 2]
//   npm exec -- node bench/quantization/layer.ts --losses 4 [--tokens 18000]
//
// CPU time is of all threads; the whole model is 32 such layers, and on N idle cores takes CPU time / N about: work is cut into jobs of some
// hundred rows and columns, and threads wait for each other where one product needs another.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { createRandom } from '../../src/generate/random.ts'
import { TensorReader } from '../../src/pack/tensor-reader.ts'
import { calibrate } from '../../src/quantize/calibrate.ts'
import { CalibrationFolder } from '../../src/quantize/calibration-folder.ts'
import { measureLosses } from '../../src/quantize/losses.ts'
import { PlannedWeights } from '../../src/quantize/planned-weights.ts'
import type { ModelConfig } from '../../src/weights/manifest.ts'
import { tensorShapes } from '../../src/weights/tensor-shapes.ts'
import { nanbeigeConfig } from '../../test/support/model-shape.ts'

const { tokens, planes, losses } = new Command()
  .option('--tokens <n>', 'tokens of the calibration text', wholeNumber, 4096)
  .option('--planes <n>', 'planes', wholeNumber, 2)
  .option('--losses <layers>', 'measure the losses of a model of so many layers instead', wholeNumber)
  .parse()
  .opts<{ tokens: number; planes: number; losses?: number }>()
const VOCABULARY = 256
const SEQUENCE = 512

const config: ModelConfig = { ...nanbeigeConfig, layerCount: losses ?? 1, vocabSize: VOCABULARY, downHadamard: 256 }

/** Gaussian weights of a size that keeps the residual stream about as large as it is. */
class RandomWeights extends PlannedWeights {
  override async rows(name: string, firstRow = 0, count?: number): Promise<Float32Array> {
    const [rows, cols] = this.matrix(name).entry.shape
    const random = createRandom(firstRow + name.length)
    const values = new Float32Array((count ?? rows) * cols)
    const deviation = Math.sqrt(12 / 4 / cols)
    for (let i = 0; i < values.length; i++) values[i] = deviation * (random() + random() + random() + random() - 2)
    return values
  }
}

const planned = [...tensorShapes(config)]
  .filter(([, shape]) => shape.length === 2)
  .map(([name, shape]) => {
    const entry = { name, kind: 'planes', shape, planes, groupSize: 128, zeroPoint: 0, spans: [] }
    return [name, { entry, blocks: [] }] as unknown as [string, ReturnType<PlannedWeights['matrix']>]
  })
const random = createRandom(1)
const sequences = Array.from({ length: Math.ceil(tokens / SEQUENCE) }, (_, i) =>
  Array.from({ length: Math.min(SEQUENCE, tokens - i * SEQUENCE) }, () => Math.floor(random() * VOCABULARY)),
)
const reader = new TensorReader()
const weights = new RandomWeights(new Map(planned), reader)
const marks = [performance.now()]
const progress = () => void marks.push(performance.now())
const before = process.cpuUsage()
try {
  if (losses === undefined) await calibrateOne()
  else await measureLosses({ config, sequences, weights, progress })
} finally {
  await reader.close()
}
const { user, system } = process.cpuUsage(before)
const seconds = (from: number, to: number) => ((marks.at(to)! - marks.at(from)!) / 1000).toFixed(1)
if (losses === undefined) {
  console.log(`${tokens} tokens, ${planes} planes in groups of 128`)
  console.log(`one layer: ${seconds(1, 2)} s of ${seconds(0, -1)} s in all`)
} else {
  const each = Array.from({ length: losses }, (_, layer) => seconds(1 + layer, 2 + layer))
  console.log(`losses, ${tokens} tokens: layers ${each.join(', ')} s of ${seconds(0, -1)} s in all`)
}
console.log(
  `CPU time: ${((user + system) / 1e6).toFixed(1)} s; memory: ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`,
)

async function calibrateOne(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'layer-'))
  try {
    await calibrate({ config, sequences, weights, folder: await CalibrationFolder.open(folder, 'layer'), progress })
  } finally {
    await rm(folder, { recursive: true })
  }
}
