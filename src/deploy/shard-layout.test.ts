import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Band, rowsOf, someBands, withBands } from '../../test/support/banded-shape.ts'
import { modelShape, nanbeigeConfig } from '../../test/support/model-shape.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { bandName } from '../weights/bands.ts'
import { MAX_SHARD_BYTES, type Manifest, type ModelConfig } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { PAGE_BYTES, type Piece, type ShardLayout, shardLayout } from './shard-layout.ts'

const memory = { weightBytes: 0, kvBytes: 0, scratchBytes: 0, memoryBytes: 0 }

function manifestOf(config: ModelConfig, planes: number): Manifest {
  const tokenizer = { shard: 'a', offset: 0, bytes: 1000, sha256: '' }
  return { ...modelShape(config, () => planes), tokenizer } as unknown as Manifest
}

function bandedManifest(config: ModelConfig, embedding: readonly Band[], head: readonly Band[]): Manifest {
  return withBands(manifestOf(config, 2), { embedding, head })
}

function planOf(layerRuns: readonly number[], sliceRows: readonly number[]): Plan {
  let [first, firstRow] = [0, 0]
  return {
    ...{ name: 'model', contextLength: 1, sessions: 1, chunkLength: 1 },
    stages: [
      ...layerRuns.map((count) => {
        first += count
        return { kind: 'layers' as const, first: first - count, count, ...memory }
      }),
      ...sliceRows.map((rows) => {
        firstRow += rows
        return { kind: 'head' as const, firstRow: firstRow - rows, rows, ...memory }
      }),
    ],
  }
}

/** What a script gets of each tensor, joined where pieces touch. */
function received(layouts: readonly ShardLayout[], folder: string): Map<string, string> {
  const runs = new Map<string, [number, number][]>()
  for (const { pieces } of layouts.filter(({ folders }) => folders.includes(folder))) {
    for (const { source, offset, bytes } of pieces) {
      const name = source === 'tokenizer' ? source : source.name
      const list = runs.get(name) ?? []
      const last = list.at(-1)
      if (last?.[1] === offset) last[1] = offset + bytes
      else list.push([offset, offset + bytes])
      runs.set(name, list)
    }
  }
  return new Map([...runs].map(([name, list]) => [name, list.map((run) => run.join('-')).join()]))
}

describe('shardLayout', () => {
  it('gives each script of Nanbeige4-3B its own tensors, in files that a Worker may have', () => {
    const manifest = manifestOf(nanbeigeConfig, 2)
    const layouts = shardLayout(manifest, planOf([3, ...new Array(29).fill(1)], [83_072, 83_072]))
    for (const { pieces } of layouts) {
      expect(pieces.reduce((sum, piece) => sum + piece.bytes, 0)).toBeLessThanOrEqual(MAX_SHARD_BYTES)
    }
    expect([...received(layouts, 'stage-0').keys()]).toEqual(
      manifest.tensors.filter(({ name }) => /^layers\.[012]\./.test(name)).map(({ name }) => name),
    )
    const half = tensorBytes(manifest.tensors.find(({ name }) => name === 'head')!) / 2
    expect(received(layouts, 'stage-30')).toEqual(
      new Map([
        ['norm', '0-10240'],
        ['head', `0-${half}`],
      ]),
    )
    expect(received(layouts, 'stage-31')).toEqual(
      new Map([
        ['norm', '0-10240'],
        ['head', `${half}-${2 * half}`],
      ]),
    )
    expect([...received(layouts, 'router').keys()]).toEqual(['tokenizer', 'embedding'])
    const pages = layouts.flatMap(({ pieces }) => pieces.filter(isOf('embedding')))
    expect(Math.max(...pages.map(({ bytes }) => bytes))).toBeLessThanOrEqual(PAGE_BYTES)
    expect(pages.length).toBeLessThan(300)
  })

  it('gives the pages of a tied embedding to the router and to the slice of the head that has their rows', () => {
    const config = { ...nanbeigeConfig, layerCount: 1, vocabSize: 1000, tiedEmbedding: true }
    const layouts = shardLayout(manifestOf(config, 8), planOf([1], [512, 488]))
    const tile = tensorBytes(manifestOf(config, 8).tensors[0]) / 32
    expect(received(layouts, 'router').get('embedding')).toBe(`0-${32 * tile}`)
    expect(received(layouts, 'stage-1').get('embedding')).toBe(`0-${16 * tile}`)
    expect(received(layouts, 'stage-2').get('embedding')).toBe(`${16 * tile}-${32 * tile}`)
  })

  it('gives each slice the parts of the bands that are its rows', () => {
    const bands: Band[] = [
      { rows: 256, planes: 8, groupSize: 128 },
      { rows: 320, planes: 4, groupSize: 64 },
      { rows: 400, planes: 2, groupSize: 128 },
    ]
    const config = { ...nanbeigeConfig, layerCount: 1, vocabSize: rowsOf(bands) }
    const layoutsOf = (tiedEmbedding: boolean) =>
      shardLayout(bandedManifest({ ...config, tiedEmbedding }, bands, bands), planOf([1], [128, 480, 368]))
    const tile = bands.map(({ planes, groupSize }) => (2560 / groupSize) * ((groupSize / 4) * planes * 16 + 64))
    const whole = [8 * tile[0], 10 * tile[1], 13 * tile[2]]
    const inSlices = [
      [[0, 4 * tile[0]]],
      [
        [4 * tile[0], whole[0]],
        [0, whole[1]],
        [0, tile[2]],
      ],
      [null, null, [tile[2], whole[2]]],
    ]
    for (const [matrix, layouts] of [
      ['head', layoutsOf(false)],
      ['embedding', layoutsOf(true)],
    ] as const) {
      for (const [i, runs] of inSlices.entries()) {
        const parts = runs.flatMap((run, band): [string, string][] =>
          run ? [[bandName(matrix, band), run.join('-')]] : [],
        )
        expect(received(layouts, `stage-${1 + i}`)).toEqual(new Map([['norm', '0-10240'], ...parts]))
      }
      const pages = received(layouts, 'router')
      expect(pages.size).toBe(4)
      for (const [i, bytes] of whole.entries()) expect(pages.get(bandName('embedding', i))).toBe(`0-${bytes}`)
    }
  })

  it('has every byte once, in the order of its tensor, and splits between tiles', () => {
    const cases = fc.record({
      layerRuns: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
      sliceTiles: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 4 }),
      missing: fc.integer({ min: 0, max: 31 }),
      planes: fc.integer({ min: 1, max: 8 }),
      tiedEmbedding: fc.boolean(),
    })
    const property = fc.property(cases, ({ layerRuns, sliceTiles, missing, planes, tiedEmbedding }) => {
      const rows = sliceTiles.map((tiles) => tiles * 32)
      rows[rows.length - 1] -= missing
      const vocabSize = rows.reduce((sum, count) => sum + count, 0)
      const layerCount = layerRuns.reduce((sum, count) => sum + count, 0)
      const config = { ...nanbeigeConfig, vocabSize, layerCount, tiedEmbedding }
      const manifest = manifestOf(config, planes)
      const layouts = shardLayout(manifest, planOf(layerRuns, rows))
      expectOnce(manifest, layouts)
    })
    fc.assert(property, { seed: 3, numRuns: 40 })
  })

  it('has every byte of every band once, wherever slices are cut', () => {
    const cases = fc.record({
      bands: someBands(60),
      cuts: fc.array(fc.nat({ max: 300 }), { maxLength: 4 }),
      tiedEmbedding: fc.boolean(),
    })
    const property = fc.property(cases, ({ bands, cuts, tiedEmbedding }) => {
      const vocabSize = rowsOf(bands)
      const ends = [
        ...new Set([...cuts.map((tile) => tile * 32).filter((row) => row > 0 && row < vocabSize), vocabSize]),
      ]
      const rows = ends.sort((a, b) => a - b).map((end, i) => end - (ends[i - 1] ?? 0))
      const config = { ...nanbeigeConfig, hiddenSize: 512, layerCount: 1, vocabSize, tiedEmbedding }
      const others = bands.map((band) => ({ ...band, planes: 9 - band.planes }))
      const manifest = bandedManifest(config, tiedEmbedding ? bands : others, bands)
      expectOnce(manifest, shardLayout(manifest, planOf([1], rows)))
    })
    fc.assert(property, { seed: 4, numRuns: 100 })
  })
})

/** Every byte of every tensor is in one piece, in order; pieces are whole tiles. */
function expectOnce(manifest: Manifest, layouts: readonly ShardLayout[]): void {
  for (const tensor of manifest.tensors) {
    const pieces = layouts.flatMap((layout) => layout.pieces.filter(isOf(tensor.name)))
    const unit = tensor.kind === 'planes' ? tensorBytes({ ...tensor, shape: [32, tensor.shape[1]] }) : 1
    let at = 0
    for (const { offset, bytes } of pieces) {
      expect([offset, bytes % unit]).toEqual([at, 0])
      at += bytes
    }
    expect(at).toBe(tensorBytes(tensor))
  }
}

const isOf = (name: string) => (piece: Piece) => piece.source !== 'tokenizer' && piece.source.name === name
