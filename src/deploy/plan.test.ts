import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { TILE_ROWS } from '../../assembly/layout.ts'
import { type Band, rowsOf, someBands, withBands } from '../../test/support/banded-shape.ts'
import { kernelModules } from '../../test/support/embedded-model.ts'
import { modelShape, nanbeigeConfig } from '../../test/support/model-shape.ts'
import { Arena, memorySize } from '../model/arena.ts'
import { instantiateKernels, type Kernels } from '../model/kernels.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { headBands, headParts, type ModelShape } from '../pipeline/stage-tensors.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { PlanError } from './errors.ts'
import { planStages } from './plan.ts'
import { MAX_STAGE_MIB, MIB } from './platform-limits.ts'
import { headMemory, layersMemory } from './stage-memory.ts'

let sizes: Kernels
beforeAll(async () => {
  sizes = await instantiateKernels(await kernelModules(), new Arena(0).memory)
})

const options = { ceilingBytes: 96 * MIB, contextLength: 4096, sessions: 1, chunkLength: 32 }
const nanbeige = (planes: number) => modelShape(nanbeigeConfig, () => planes)

function refusal(model: ReturnType<typeof nanbeige>, changed: Partial<typeof options>): PlanError {
  try {
    planStages(sizes, model, { ...options, ...changed })
  } catch (error) {
    if (error instanceof PlanError) return error
    throw error
  }
  throw new Error('the plan was not refused')
}

/** Every layer and every row of the head in one stage, in order. */
function expectComplete({ stages }: Plan, model: ModelShape): void {
  const { vocabSize } = model.config
  let [layer, row] = [0, 0]
  for (const stage of stages) {
    if (stage.kind === 'layers') {
      expect([stage.first, row]).toEqual([layer, 0])
      expect(stage.count).toBeGreaterThan(0)
      layer += stage.count
    } else {
      expect(stage.firstRow).toBe(row)
      expect(stage.rows).toBeGreaterThan(0)
      row += stage.rows
      if (row < vocabSize) expect(row % TILE_ROWS).toBe(0)
    }
  }
  expect([layer, row]).toEqual([model.config.layerCount, vocabSize])
}

describe('planStages', () => {
  it('takes memory for each session: two of them more stages where one has filled them, and none where there was room', () => {
    const pack = (planes: number) =>
      modelShape(nanbeigeConfig, (name) => (name === 'embedding' || name === 'head' ? 4 : planes))
    const stages = (planes: number, contextLength: number, sessions: number) =>
      planStages(sizes, pack(planes), { ...options, ceilingBytes: MAX_STAGE_MIB * MIB, contextLength, sessions }).stages
    expect([1, 2].map((sessions) => stages(2, 4096, sessions).length)).toEqual([14, 19])
    expect([1, 2].map((sessions) => stages(2, 2048, sessions).length)).toEqual([14, 14])
    expect([1, 2].map((sessions) => stages(3, 4096, sessions).length)).toEqual([19, 19])
    const kvBytes = (sessions: number) => stages(4, 2048, sessions)[0].kvBytes
    expect(kvBytes(2)).toBe(2 * kvBytes(1))
  })

  it('spreads Nanbeige4-3B at 2 planes over 11 stages of layers and two slices of the head', () => {
    const plan = planStages(sizes, nanbeige(2), options)
    expectComplete(plan, nanbeige(2))
    expect(plan.stages.map((stage) => (stage.kind === 'layers' ? stage.count : stage.rows))).toEqual([
      ...new Array(10).fill(3),
      2,
      83072,
      83072,
    ])
    for (const { memoryBytes } of plan.stages) expect(memoryBytes).toBeLessThanOrEqual(96 * MIB)
  })

  it('finds room for a third layer of the documented pack in the largest stage that an isolate can have', () => {
    // `--planes embedding=4,attention=2,ffn=2,head=4 --group 128`: with a minimum a group, as rounding stores it.
    const shape = modelShape(nanbeigeConfig, (name) => (name.startsWith('layers.') ? 2 : 4))
    const tensors = shape.tensors.map((tensor) => (tensor.kind === 'planes' ? { ...tensor, zeroPoint: null } : tensor))
    const stagesAt = (mib: number) =>
      planStages(sizes, { ...shape, tensors }, { ...options, ceilingBytes: mib * MIB }).stages
    expect(stagesAt(95)).toHaveLength(19)
    expect(stagesAt(96)).toHaveLength(14)
    expect(stagesAt(MAX_STAGE_MIB)).toEqual(stagesAt(96))
  })

  it('refuses a longer context than the model has, and says how long it may be', () => {
    const model = modelShape({ ...nanbeigeConfig, maxPositionEmbeddings: 512 }, () => 2)
    expect(refusal(model, { contextLength: 513 })).toMatchObject({
      code: 'option_invalid',
      message: '--context: model has positions for 512 tokens, not for 513; ask for fewer',
    })
    expect(planStages(sizes, model, { ...options, contextLength: 512 }).contextLength).toBe(512)
  })

  it('cuts the head of a tied model, whose rows are no whole tiles, from the embedding', () => {
    const config = { ...nanbeigeConfig, layerCount: 1, vocabSize: 151_937, tiedEmbedding: true }
    const model = modelShape(config, (name) => (name === 'embedding' ? 6 : 2))
    const plan = planStages(sizes, model, options)
    expectComplete(plan, model)
    expect(plan.stages.filter(({ kind }) => kind === 'head')).toHaveLength(3)
  })

  it('refuses more stages than an account has Workers', () => {
    const config = { ...nanbeigeConfig, layerCount: 500 }
    expect(
      refusal(
        modelShape(config, () => 4),
        {},
      ),
    ).toMatchObject({ code: 'too_many_scripts' })
  })
})

describe('a layer that does not fit', () => {
  /** What the message proposes, by the pattern of one number. */
  const proposed = (message: string, pattern: RegExp) => Number(message.match(pattern)?.[1])

  it.for([
    { planes: 4, sessions: 4, contextLength: 16_384, stageMib: 96 },
    { planes: 4, sessions: 1, contextLength: 65_536, stageMib: 96 },
    { planes: 7, sessions: 2, contextLength: 8192, stageMib: 100 },
  ])('$planes planes, $sessions x $contextLength tokens: each proposal fits, and one step more does not', (want) => {
    const limits = { ...options, ...want, ceilingBytes: want.stageMib * MIB }
    const { code, message } = refusal(nanbeige(want.planes), limits)
    expect(code).toBe('stage_too_small')
    const ways: [RegExp, number, (value: number) => () => unknown][] = [
      [
        /at most (\d+) tokens/,
        64,
        (contextLength) => () => planStages(sizes, nanbeige(want.planes), { ...limits, contextLength }),
      ],
      [/--sessions (\d+)/, 1, (sessions) => () => planStages(sizes, nanbeige(want.planes), { ...limits, sessions })],
      [
        /or (\d+) planes/,
        1,
        (planes) => () =>
          planStages(
            sizes,
            modelShape(nanbeigeConfig, (name) => (name === 'head' ? want.planes : planes)),
            limits,
          ),
      ],
    ]
    let found = 0
    for (const [pattern, step, planned] of ways) {
      const value = proposed(message, pattern)
      if (Number.isNaN(value)) continue
      found++
      expect(planned(value)).not.toThrow()
      expect(planned(value + step)).toThrow(PlanError)
    }
    expect(found).toBeGreaterThan(0)
  })

  it('names a larger ceiling where an isolate has room for it', () => {
    const { message } = refusal(nanbeige(2), { ceilingBytes: 24 * MIB })
    const mib = proposed(message, /--stage-mib (\d+)/)
    expect(planStages(sizes, nanbeige(2), { ...options, ceilingBytes: mib * MIB }).stages.length).toBeGreaterThan(32)
    expect(refusal(nanbeige(2), { ceilingBytes: (mib - 1) * MIB }).code).toBe('stage_too_small')
    expect(refusal(nanbeige(4), { sessions: 4, contextLength: 65_536 }).message).not.toContain('--stage-mib')
  })

  it('names several changes together where no single one is enough', () => {
    const { message } = refusal(nanbeige(8), { sessions: 8, contextLength: 131_072, ceilingBytes: 64 * MIB })
    const [, planes, contextLength, mib] = message.match(
      /(\d+) planes, --context (\d+), --sessions 1 and --stage-mib (\d+) together/,
    )!
    const limits = { ...options, contextLength: Number(contextLength), ceilingBytes: Number(mib) * MIB }
    expect(() => planStages(sizes, nanbeige(Number(planes)), limits)).not.toThrow()
  })

  it('says where nothing helps', () => {
    const config = { ...nanbeigeConfig, hiddenSize: 16_384, intermediateSize: 65_536 }
    expect(
      refusal(
        modelShape(config, () => 4),
        {},
      ).message,
    ).toContain('nothing')
  })
})

it('has every layer and row once, keeps under the ceiling, and takes as few stages as can be', () => {
  const geometry = fc.record({
    hidden: fc.integer({ min: 1, max: 4 }),
    intermediate: fc.integer({ min: 1, max: 8 }),
    layerCount: fc.integer({ min: 1, max: 24 }),
    vocabSize: fc.integer({ min: 1, max: 20_000 }),
    tiedEmbedding: fc.boolean(),
    planes: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 3, maxLength: 3 }),
    sessions: fc.integer({ min: 1, max: 3 }),
    contextLength: fc.integer({ min: 1, max: 2048 }),
    ceilingMib: fc.integer({ min: 1, max: 16 }),
  })
  const property = fc.property(geometry, ({ hidden, intermediate, planes, ceilingMib, ...given }) => {
    const { layerCount, vocabSize, tiedEmbedding, ...limits } = given
    const config = {
      ...nanbeigeConfig,
      ...{ hiddenSize: hidden * 128, intermediateSize: intermediate * 128, layerCount, vocabSize, tiedEmbedding },
      ...{ headCount: 2 * hidden, kvHeadCount: 2, headDim: 64 },
    }
    const byName = (name: string) => planes[name.length % planes.length]
    const model = modelShape(config, byName)
    const wanted = { ...limits, chunkLength: 32, ceilingBytes: ceilingMib * MIB }
    let plan: Plan
    try {
      plan = planStages(sizes, model, wanted)
    } catch (error) {
      // A refusal is right where a layer alone, or a tile of the head, is too large.
      expect(error).toMatchObject({ code: 'stage_too_small' })
      const layers = Array.from({ length: layerCount }, (_, i) => layersMemory(sizes, model, i, 1, wanted))
      const alone = [...layers, headMemory(sizes, model, { firstRow: 0, rows: TILE_ROWS })]
      expect(Math.max(...alone.map(({ memoryBytes }) => memoryBytes))).toBeGreaterThan(wanted.ceilingBytes)
      return
    }
    expectComplete(plan, model)
    for (const stage of plan.stages) {
      expect(stage.memoryBytes).toBeLessThanOrEqual(wanted.ceilingBytes)
      const recomputed =
        stage.kind === 'layers'
          ? layersMemory(sizes, model, stage.first, stage.count, wanted)
          : headMemory(sizes, model, stage)
      expect(stage).toMatchObject(recomputed)
    }
    // No two neighbours of layers fit one stage, and one slice fewer does not fit: greedy is the least for runs of layers.
    const layers = plan.stages.filter((stage) => stage.kind === 'layers')
    for (let i = 1; i < layers.length; i++) {
      const joined = layersMemory(sizes, model, layers[i - 1].first, layers[i - 1].count + 1, wanted)
      expect(joined.memoryBytes).toBeGreaterThan(wanted.ceilingBytes)
    }
    const slices = plan.stages.length - layers.length
    if (slices > 1) {
      const rows = Math.ceil(Math.ceil(vocabSize / TILE_ROWS) / (slices - 1)) * TILE_ROWS
      expect(headMemory(sizes, model, { firstRow: 0, rows }).memoryBytes).toBeGreaterThan(wanted.ceilingBytes)
    }
  })
  fc.assert(property, { seed: 5, numRuns: 300 })
})

describe('a head in bands', () => {
  const HIDDEN = 256
  const shapeOf = (bands: readonly Band[], tiedEmbedding = false) => {
    const config = {
      ...nanbeigeConfig,
      ...{ hiddenSize: HIDDEN, intermediateSize: 256, layerCount: 2, headCount: 4, kvHeadCount: 2, headDim: 64 },
      ...{ vocabSize: rowsOf(bands), tiedEmbedding },
    }
    return withBands(
      modelShape(config, () => 2),
      { embedding: bands, head: bands },
    )
  }
  const limits = { contextLength: 32, sessions: 1, chunkLength: 1 }

  it('is cut where the bytes are shared evenly, inside of a band too', () => {
    const bands: Band[] = [
      { rows: 8192, planes: 8, groupSize: 128 },
      { rows: 32_768, planes: 2, groupSize: 128 },
    ]
    const { stages } = planStages(sizes, shapeOf(bands), { ...limits, ceilingBytes: 2 * MIB })
    const slices = stages.filter((stage) => stage.kind === 'head')
    expect(slices.map(({ rows }) => rows)).toEqual([5568, 14_016, 21_376])
    const most = Math.max(...slices.map(({ weightBytes }) => weightBytes))
    expect(Math.min(...slices.map(({ weightBytes }) => weightBytes)) / most).toBeGreaterThan(0.99)
  })

  it('has every row in one slice, no slice over the ceiling, and the bytes shared evenly but for a tile', () => {
    const cases = fc.record({
      bands: someBands(400),
      tied: fc.boolean(),
      ceilingMib: fc.integer({ min: 1, max: 4 }),
    })
    const property = fc.property(cases, ({ bands, tied, ceilingMib }) => {
      const model = shapeOf(bands, tied)
      const ceilingBytes = ceilingMib * MIB
      const plan = planStages(sizes, model, { ...limits, ceilingBytes })
      expectComplete(plan, model)
      for (const { memoryBytes } of plan.stages) expect(memoryBytes).toBeLessThanOrEqual(ceilingBytes)
      const slices = plan.stages.filter((stage) => stage.kind === 'head')
      for (const slice of slices) expect(slice).toMatchObject(headMemory(sizes, model, slice))
      const tiles = headBands(model).map((band) => tensorBytes({ ...band, shape: [TILE_ROWS, band.shape[1]] }))
      const total = headBands(model).reduce((sum, band) => sum + tensorBytes(band), 0)
      for (const slice of slices) {
        const bytes = headParts(model, slice).reduce((sum, { tensor }) => sum + tensorBytes(tensor), 0)
        expect(bytes).toBeLessThanOrEqual(total / slices.length + Math.max(...tiles))
      }
      // One fewer would not fit: its largest slice has no more than this.
      if (slices.length > 1) {
        const most = total / (slices.length - 1) + Math.max(...tiles)
        const rows = Math.ceil(most / Math.min(...tiles)) * TILE_ROWS
        const { scratchBytes } = headMemory(sizes, model, { firstRow: 0, rows: Math.min(rows, rowsOf(bands)) })
        expect(memorySize(HIDDEN * 4 + most + bands.length * 64 + scratchBytes)).toBeGreaterThan(ceilingBytes)
      }
    })
    fc.assert(property, { seed: 6, numRuns: 100 })
  })

  it('has no slice without rows where a tile is more than an even share', () => {
    // Tiles of 34, 34, 6, 34, 34, 6, 34 and 34: no two large ones fit a slice, and the first seventh of their bytes is less than one of them.
    const large = { rows: 64, planes: 8, groupSize: 32 as const }
    const small = { rows: 32, planes: 1, groupSize: 32 as const }
    const bands: Band[] = [large, small, large, small, large]
    const config = {
      ...nanbeigeConfig,
      ...{ hiddenSize: 1 << 16, intermediateSize: 32, layerCount: 1, headCount: 1, kvHeadCount: 1, headDim: 32 },
      vocabSize: rowsOf(bands),
    }
    const model = withBands(
      modelShape(config, () => 1, 32),
      { embedding: bands, head: bands },
    )
    const ceilingBytes = layersMemory(sizes, model, 0, 1, limits).memoryBytes
    expect(headMemory(sizes, model, { firstRow: 0, rows: 64 }).memoryBytes).toBeGreaterThan(ceilingBytes)
    const plan = planStages(sizes, model, { ...limits, ceilingBytes })
    expectComplete(plan, model)
    const slices = plan.stages.filter((stage) => stage.kind === 'head')
    expect(slices.map(({ rows }) => rows / 32)).toEqual([1, 2, 1, 2, 1, 1])
  })
})
