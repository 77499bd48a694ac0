import fc from 'fast-check'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { TILE_ROWS } from '../../assembly/layout.ts'
import { Arena, align } from '../model/arena.ts'
import { instantiateKernels, type KernelModules } from '../model/kernels.ts'
import { kernelModules } from '../pack/kernel-modules.ts'
import type { PlanesTensor, Span } from '../weights/manifest.ts'
import { blockBytes, indexBytes, tileBytes } from '../weights/plane-layout.ts'
import { sha256Hex } from '../weights/sha256.ts'
import type { WeightStore } from '../weights/weight-store.ts'
import { EmbeddingPages } from './embedding-pages.ts'

const HIDDEN = 64
const FORMAT = { planes: 4, groupSize: 32, hasMin: true } as const
const TILE = tileBytes(HIDDEN, FORMAT)
const BF16_ONE = 0x3f80

/** Pages of one, two and three tiles, the last one ragged: 12 tiles in all. */
const PAGE_TILES = [1, 2, 3, 1, 2, 3]
const ROWS = 12 * TILE_ROWS - 5

let modules: KernelModules
const files = new Map<string, Uint8Array<ArrayBuffer>>()
let tensor: PlanesTensor
let rows: Float32Array[]

beforeAll(async () => {
  modules = await kernelModules()
  ;({ tensor, rows } = await bandOf('embedding', FORMAT, PAGE_TILES, ROWS))
})

/** A band of random rows in pages of so many tiles, and what its rows are; its files are in the store. */
async function bandOf(name: string, format: Format, pageTiles: readonly number[], rowCount: number) {
  const { planes, groupSize } = format
  const tile = tileBytes(HIDDEN, format)
  const bytes = randomMatrix(format, pageTiles.reduce((sum, tiles) => sum + tiles, 0) * tile)
  const spans: Span[] = []
  let at = 0
  for (const tiles of pageTiles) {
    const page = bytes.slice(at, at + tiles * tile)
    at += page.length
    const sha256 = await sha256Hex(page)
    spans.push({ shard: `${sha256}.bin`, offset: 0, bytes: page.length, sha256 })
    files.set(`${sha256}.bin`, page)
  }
  const band: PlanesTensor = {
    ...{ name, kind: 'planes', shape: [rowCount, HIDDEN], planes, groupSize },
    ...{ zeroPoint: format.hasMin ? null : -1, spans },
  }
  return { tensor: band, rows: await rowsOf(bytes, band) }
}

type Format = Pick<PlanesTensor, 'planes' | 'groupSize'> & { readonly hasMin: boolean }

/** Any indexes, and scales and minimums of 1. */
function randomMatrix(format: Format, length: number): Uint8Array {
  let state = 1
  const bytes = Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
  const block = blockBytes(format)
  for (let at = 0; at < bytes.length; at += block) {
    const start = at + indexBytes(format.planes, format.groupSize)
    new Uint16Array(bytes.buffer, start, (at + block - start) / 2).fill(BF16_ONE)
  }
  return bytes
}

/** All rows from the whole matrix in memory. */
async function rowsOf(bytes: Uint8Array, { shape: [count], ...tensor }: PlanesTensor): Promise<Float32Array[]> {
  const arena = new Arena(align(bytes.length) + align(HIDDEN * 4))
  const kernels = await instantiateKernels(modules, arena.memory)
  const [matrix, row] = [arena.allocate(bytes.length), arena.allocate(HIDDEN * 4)]
  arena.bytes(matrix, bytes.length).set(bytes)
  return Array.from({ length: count }, (_, id) => {
    const { planes, groupSize, zeroPoint } = tensor
    kernels.embeddingRow(row, matrix, id, HIDDEN, planes, groupSize, zeroPoint ?? 0, zeroPoint === null, false)
    return arena.floats(row, HIDDEN).slice()
  })
}

let opened: string[]
/** Reads wait for it. */
let gate: Promise<void>
let broken: ReadonlySet<string>
const store: WeightStore = {
  manifest: () => Promise.reject(new Error('not asked')),
  async open(file, offset, bytes) {
    opened.push(file)
    await gate
    const data = files.get(file)!.slice(offset, offset + bytes)
    if (broken.has(file)) data[7] ^= 1
    return { stream: new Blob([data]).stream(), start: offset }
  },
}
beforeEach(() => {
  opened = []
  gate = Promise.resolve()
  broken = new Set()
})

const PAGES_HELD = 2
const create = () => EmbeddingPages.create(store, [tensor], modules, PAGES_HELD * align(3 * TILE))
const joined = (ids: readonly number[]) => Float32Array.from(ids.flatMap((id) => [...rows[id]]))
const pageOf = (id: number) => {
  let first = 0
  return PAGE_TILES.findIndex((tiles) => {
    first += tiles * TILE_ROWS
    return id < first
  })
}

it('gives every row, in any order, to several at once', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat({ max: ROWS - 1 }), { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 4 }),
      async (requests) => {
        const pages = await create()
        const found = await Promise.all(requests.map((ids) => pages.rows(ids)))
        expect(found).toEqual(requests.map(joined))
      },
    ),
    { seed: 1, numRuns: 200 },
  ))

it('gives every row of bands of any formats, whichever of them has the largest pages', async () => {
  const bands = [
    await bandOf('embedding', { planes: 2, groupSize: 64, hasMin: false }, [1, 2], 96),
    await bandOf('embedding.1', { planes: 7, groupSize: 32, hasMin: true }, [2, 1, 2], 160),
    await bandOf('embedding.2', { planes: 3, groupSize: 64, hasMin: true }, [1, 2], 70),
  ]
  const all = bands.flatMap((band) => band.rows)
  const cacheBytes = PAGES_HELD * align(2 * tileBytes(HIDDEN, { planes: 7, groupSize: 32, hasMin: true }))
  const tensors = bands.map((band) => band.tensor)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: all.length - 1 }), { minLength: 1, maxLength: 30 }), async (ids) => {
      const pages = await EmbeddingPages.create(store, tensors, modules, cacheBytes)
      expect(await pages.rows(ids)).toEqual(Float32Array.from(ids.flatMap((id) => [...all[id]])))
    }),
    { seed: 2, numRuns: 50 },
  )
})

it('rows differ from page to page, or the test above would say nothing', () => {
  expect(new Set(rows.map((row) => row.join())).size).toBe(ROWS)
})

it('reads a page when it is needed, and drops the one that was unused for longest', async () => {
  const pages = await create()
  const [a, b, c] = [0, 2, 4].map((page) => rows.findIndex((_, id) => pageOf(id) === page))
  const reads = async (...ids: number[]) => {
    opened = []
    for (const id of ids) expect(await pages.rows([id])).toEqual(rows[id])
    return opened.map((file) => tensor.spans.findIndex(({ shard }) => shard === file))
  }
  expect(await reads(a, a + 1, b)).toEqual([0, 2])
  expect(await reads(a, c)).toEqual([4])
  expect(await reads(a, c, a)).toEqual([])
  expect(await reads(b)).toEqual([2])
  expect(await reads(a)).toEqual([])
  expect(await reads(c)).toEqual([4])
})

it('reads a page once for all who wait for it', async () => {
  const pages = await create()
  const { promise, resolve } = Promise.withResolvers<void>()
  gate = promise
  const waiting = [pages.rows([0, 1]), pages.rows([1])]
  await new Promise((done) => setImmediate(done))
  resolve()
  expect(await Promise.all(waiting)).toEqual([joined([0, 1]), joined([1])])
  expect(opened).toHaveLength(1)
})

it('refuses a damaged page, keeps the others, and reads it again when asked again', async () => {
  const pages = await create()
  const bad = tensor.spans[1].shard
  broken = new Set([bad])
  const id = rows.findIndex((_, id) => pageOf(id) === 1)
  for (let i = 0; i < 3; i++) {
    await expect(pages.rows([0, id])).rejects.toMatchObject({
      code: 'shard_corrupt',
      message: expect.stringContaining(bad),
    })
  }
  expect(await pages.rows([0])).toEqual(rows[0])
  broken = new Set()
  expect(await pages.rows([id, 0, ROWS - 1])).toEqual(joined([id, 0, ROWS - 1]))
})
