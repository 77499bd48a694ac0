// What a scale a plane and group would gain (BPDQ, arXiv 2602.04163) over one scale a group: squared errors of rotated weights, by nearest levels.
//
//   npm exec -- node bench/quantization/plane-scales.ts MODEL.gguf
import { Command } from 'commander'
import { planTensor } from '../../src/pack/plan-tensor.ts'
import { readSource } from '../../src/pack/read-source.ts'
import { plannedRotation, rotatedSource } from '../../src/pack/rotated-source.ts'
import { TensorReader } from '../../src/pack/tensor-reader.ts'
import { PlannedWeights } from '../../src/quantize/planned-weights.ts'

const ROWS = 64
const ROUNDS = 12
const RANGES = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45]

const [path] = new Command().argument('<model>', 'GGUF file').parse().args
const source = rotatedSource(await readSource(path))
const reader = new TensorReader()
const planned = [...source.tensors].map(([name, tensor]) => {
  return [name, planTensor(name, tensor, { planes: {}, groupSize: 32 }, plannedRotation(name, source))] as const
})
const weights = new PlannedWeights(new Map(planned), reader)
const middle = Math.floor(source.config.layerCount / 2)

for (const planes of [2, 3, 4]) {
  for (const size of [64, 128]) {
    let [one, each] = [0, 0]
    for (const part of ['query', 'gate', 'up']) {
      const rows = await weights.rows(`layers.${middle}.${part}`)
      const cols = source.config.hiddenSize
      for (let at = 0; at + size <= Math.min(ROWS * cols, rows.length); at += size) {
        const group = rows.subarray(at, at + size)
        one += Math.min(...RANGES.map((range) => leastError(group, uniform(group, planes, range), true)))
        each += Math.min(...RANGES.map((range) => leastError(group, uniform(group, planes, range), false)))
      }
    }
    const bits = (Math.log2(one / each) / 2).toFixed(3)
    const cost = (((planes - 1) * 16) / size).toFixed(3)
    console.log(
      `${planes} planes, groups of ${size}: error ${(each / one).toFixed(3)} of that with one scale, worth ${bits} bits, for ${cost}`,
    )
  }
}
await reader.close()

/** Scales of the planes that make equal steps over a share of the group's range. */
function uniform(group: Float32Array, planes: number, range: number): number[] {
  const top = group.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) * range
  return Array.from({ length: planes }, (_, plane) => (top * 2 ** plane) / (2 ** planes - 1))
}

/** Squared error with levels that are sums of +- each scale, the scales fitted in turn with the nearest levels; tied: in fixed proportion. */
function leastError(group: Float32Array, start: readonly number[], tied: boolean): number {
  const planes = start.length
  const scales = [...start]
  let error = 0
  for (let round = 0; round < ROUNDS; round++) {
    const levels = Array.from({ length: 1 << planes }, (_, code) =>
      scales.reduce((sum, s, p) => sum + (code & (1 << p) ? s : -s), 0),
    )
    const codes = Array.from(group, (value) => nearest(levels, value))
    error = group.reduce((sum, value, i) => sum + (value - levels[codes[i]]) ** 2, 0)
    if (tied) {
      let [product, square] = [0, 0]
      for (const [i, value] of group.entries()) {
        product += value * levels[codes[i]]
        square += levels[codes[i]] ** 2
      }
      for (let p = 0; p < planes; p++) scales[p] *= product / square
    } else fit(group, codes, scales)
  }
  return error
}

function nearest(levels: readonly number[], value: number): number {
  let best = 0
  for (let code = 1; code < levels.length; code++)
    if (Math.abs(value - levels[code]) < Math.abs(value - levels[best])) best = code
  return best
}

/** One sweep of least squares over the scales. */
function fit(group: Float32Array, codes: readonly number[], scales: number[]): void {
  const sign = (code: number, plane: number) => (code & (1 << plane) ? 1 : -1)
  for (let sweep = 0; sweep < 4; sweep++) {
    for (let p = 0; p < scales.length; p++) {
      let sum = 0
      for (const [i, value] of group.entries()) {
        const others = scales.reduce((total, s, other) => (other === p ? total : total + s * sign(codes[i], other)), 0)
        sum += (value - others) * sign(codes[i], p)
      }
      scales[p] = sum / group.length
    }
  }
}
