import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelShape, nanbeigeConfig } from '../../test/support/model-shape.ts'
import type { Plan } from '../pipeline/stage-plan.ts'
import { MAX_SHARD_BYTES, type Manifest, type ModelConfig } from '../weights/manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { PAGE_BYTES, type Piece, type ShardLayout, shardLayout } from './shard-layout.ts'

const memory = { weightBytes: 0, kvBytes: 0, scratchBytes: 0, memoryBytes: 0 }

function manifestOf(config: ModelConfig, planes: number): Manifest {
  const tokenizer = { shard: 'a', offset: 0, bytes: 1000, sha256: '' }
  return { ...modelShape(config, () => planes), tokenizer } as unknown as Manifest
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
    })
    fc.assert(property, { seed: 3, numRuns: 40 })
  })
})

const isOf = (name: string) => (piece: Piece) => piece.source !== 'tokenizer' && piece.source.name === name
