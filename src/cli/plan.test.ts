import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Band, withBands } from '../../test/support/banded-shape.ts'
import { kernelModules } from '../../test/support/embedded-model.ts'
import { modelShape, nanbeigeConfig } from '../../test/support/model-shape.ts'
import { type TinyPack, tinyPack } from '../../test/support/tiny-pack.ts'
import { measureStages } from '../deploy/measure-stages.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { describeCost } from './describe-plan.ts'

let pack: TinyPack
beforeAll(async () => {
  pack = await tinyPack()
})
afterAll(() => pack.remove())

const plan = (...options: string[]) =>
  promisify(execFile)(process.execPath, [
    new URL('./main.ts', import.meta.url).pathname,
    ...['plan', pack.folder, ...options],
  ]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )

describe('nanbeige-edge plan', () => {
  it('prints the stages, their time and what tokens cost', async () => {
    const { code, stdout, stderr } = await plan('--context', '32', '--sessions', '3')
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^tiny: 3 x 32 tokens, 2 stages of at most 98 MiB$/m)
    expect(stdout).toMatch(/^0 +layer 0 +0\.4 +0\.1 +0\.\d +0\.\d +\d+\.\d$/m)
    expect(stdout).toMatch(/^1 +head, rows 0 \.\.\. 258 +0\.0 +0\.0 +0\.0 +0\.\d +\d+\.\d$/m)
    expect(stdout).toMatch(
      /^Cloudflare +\d+\.\d+ tokens\/s +\$0\.\d+ requests \+ \$0\.\d+ duration +\$0\.\d+ +the same$/m,
    )
    expect(stdout).toMatch(
      /^cold start: .* after 10 s .* read \d+ MB again, .* \d+\.\d s and \$0\.\d+ at 25 MB\/s a stage/m,
    )
    expect(stdout).toMatch(/^NVIDIA L4.* \$0\.80 an hour +\$\d/m)
    expect(stdout).toMatch(/^Prices of \d{4}-\d\d-\d\d /m)
  })

  it('has two sessions unless it is told, and warns of stages that leave the heap of an isolate no room', async () => {
    const { code, stdout, stderr } = await plan('--stage-mib', '120')
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^warning: .*128 MB/)])
    expect(stdout).toMatch(/^tiny: 2 x \d+ tokens, /m)
  })

  it('refuses what does not fit, saying what would', async () => {
    expect(await plan('--sessions', '50000')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^nanbeige-edge: layer 0 takes .*; what fits: --sessions \d+\n$/),
    })
    expect(await plan('--context', '999999')).toEqual({
      code: 1,
      stdout: '',
      stderr: `nanbeige-edge: --context: tiny has positions for ${pack.manifest.config.maxPositionEmbeddings} tokens, not for 999999; ask for fewer\n`,
    })
    expect(await plan('--context', '0')).toMatchObject({
      code: 1,
      stderr: "error: option '--context <tokens>' argument '0' is invalid. It is not a whole number above 0.\n",
    })
  })
})

it('layers of other formats and slices of other sizes take other times', async () => {
  const config = { ...nanbeigeConfig, hiddenSize: 512, intermediateSize: 1024, headCount: 4, layerCount: 2 }
  const model = modelShape({ ...config, vocabSize: 8192 }, (name) => (name.startsWith('layers.1.') ? 8 : 2))
  const memory = { weightBytes: 0, kvBytes: 0, scratchBytes: 0, memoryBytes: 0 }
  const split: Plan = {
    ...{ name: 'model', contextLength: 64, sessions: 1, chunkLength: 1 },
    stages: [
      { kind: 'layers', first: 0, count: 1, ...memory },
      { kind: 'layers', first: 1, count: 1, ...memory },
      { kind: 'layers', first: 0, count: 2, ...memory },
      { kind: 'head', firstRow: 0, rows: 2048, ...memory },
      { kind: 'head', firstRow: 2048, rows: 6144, ...memory },
    ],
  }
  const [first, second, both, quarter, rest] = await measureStages(await kernelModules(), model, split)
  expect(first).toBeGreaterThan(0)
  // Four times the planes: no noise turns that round.
  expect(second).toBeGreaterThan(first)
  expect(both).toBeCloseTo(first + second, 12)
  expect(rest).toBeCloseTo(3 * quarter, 12)
})

it('rows of a head in bands take the time of their own formats', async () => {
  const config = { ...nanbeigeConfig, hiddenSize: 512, intermediateSize: 1024, headCount: 4, layerCount: 1 }
  const bands: Band[] = [
    { rows: 3072, planes: 2, groupSize: 128 },
    { rows: 3072, planes: 8, groupSize: 128 },
  ]
  const whole = modelShape({ ...config, vocabSize: 6144 }, () => 2)
  const model = withBands(whole, { embedding: bands, head: bands })
  const memory = { weightBytes: 0, kvBytes: 0, scratchBytes: 0, memoryBytes: 0 }
  const plan: Plan = {
    ...{ name: 'model', contextLength: 64, sessions: 1, chunkLength: 1 },
    stages: [0, 2048, 4096].map((firstRow) => ({ kind: 'head', firstRow, rows: 2048, ...memory })),
  }
  const seconds = await measureStages(await kernelModules(), model, plan)
  const [few, both, many] = seconds
  expect(many).toBeGreaterThan(few)
  expect(both).toBeCloseTo((few + many) / 2, 12)
  // And GPUs read no more weights of it, nor any of its embedding.
  expect(describeCost(model, plan, seconds)).toBe(describeCost(whole, plan, seconds))
})
