import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TILE_ROWS } from '../../../assembly/layout.ts'
import { unpackPlanes } from '../../../test/support/unpack-planes.ts'
import { blockBytes } from '../../weights/plane-layout.ts'
import { packPlanes, type QuantizedMatrix } from './layout.ts'

function randomMatrix(seed: number, rows: number, groups: number, groupSize: number, planes: number, hasMin: boolean) {
  let state = seed | 1
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  const cols = groups * groupSize
  return {
    rows,
    cols,
    planes,
    groupSize,
    q: Uint8Array.from({ length: rows * cols }, () => next() % 2 ** planes),
    scales: Uint16Array.from({ length: rows * groups }, () => next() & 0xffff),
    mins: hasMin ? Uint16Array.from({ length: rows * groups }, () => next() & 0xffff) : null,
  } satisfies QuantizedMatrix
}

const matrix = fc
  .record({
    seed: fc.integer(),
    rows: fc.integer({ min: 1, max: 100 }),
    groups: fc.integer({ min: 1, max: 4 }),
    groupSize: fc.constantFrom(32, 64, 128),
    planes: fc.integer({ min: 1, max: 8 }),
    hasMin: fc.boolean(),
  })
  .map((of) => randomMatrix(of.seed, of.rows, of.groups, of.groupSize, of.planes, of.hasMin))

const shapeOf = (of: QuantizedMatrix) => ({ ...of, hasMin: of.mins !== null })

/** Bit of one weight, straight from the prose of assembly/layout.ts. */
function bitByTheBook(packed: Uint8Array, of: QuantizedMatrix, row: number, col: number, plane: number): number {
  const { groupSize, planes, cols } = of
  const block = Math.floor(row / TILE_ROWS) * (cols / groupSize) + Math.floor(col / groupSize)
  const quad = Math.floor((col % groupSize) / 4)
  const start =
    block * blockBytes({ planes, groupSize, hasMin: of.mins !== null }) + quad * planes * 16 + (plane >> 1) * 32
  const r = row % 32
  if (plane === planes - 1 && planes % 2 === 1) {
    const byte = packed[start + 2 * (r % 8) + (Math.floor(r / 8) % 2)]
    return ((r < 16 ? byte & 15 : byte >> 4) >> (col % 4)) & 1
  }
  const byte = packed[start + Math.floor(r / 16) * 16 + 2 * (r % 8) + (plane % 2)]
  return ((r % 16 < 8 ? byte & 15 : byte >> 4) >> (col % 4)) & 1
}

describe('packPlanes', () => {
  it('is undone by unpackPlanes', () => {
    fc.assert(
      fc.property(matrix, (of) => {
        const unpacked = unpackPlanes(packPlanes(of), shapeOf(of))
        expect(Buffer.from(unpacked.q).equals(of.q)).toBe(true)
        expect(unpacked.scales).toEqual(of.scales)
        expect(unpacked.mins).toEqual(of.mins)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('puts every bit and scale where assembly/layout.ts says', () => {
    for (let planes = 1; planes <= 8; planes++) {
      const of = randomMatrix(planes, 70, 2, 32, planes, planes % 2 === 0)
      const packed = packPlanes(of)
      const q = of.q.map((_, i) => {
        let level = 0
        for (let plane = 0; plane < planes; plane++) {
          level |= bitByTheBook(packed, of, Math.floor(i / of.cols), i % of.cols, plane) << plane
        }
        return level
      })
      expect(Buffer.from(q).equals(of.q)).toBe(true)
      for (let row = 0; row < of.rows; row++) {
        const block = Math.floor(row / 32) * 2
        const scale = block * blockBytes(shapeOf(of)) + 8 * 16 * planes + (row % 32) * 2
        expect(packed[scale] | (packed[scale + 1] << 8)).toBe(of.scales[row * 2])
        if (of.mins) expect(packed[scale + 64] | (packed[scale + 65] << 8)).toBe(of.mins[row * 2])
      }
    }
  })

  it('packs blocks of rows to the same bytes as the whole', () => {
    const of = randomMatrix(7, 80, 3, 64, 5, true)
    const part = (from: number, to: number) =>
      packPlanes({
        ...of,
        rows: to - from,
        q: of.q.subarray(from * of.cols, to * of.cols),
        scales: of.scales.subarray(from * 3, to * 3),
        mins: of.mins?.subarray(from * 3, to * 3) ?? null,
      })
    expect(Buffer.concat([part(0, 32), part(32, 80)])).toEqual(Buffer.from(packPlanes(of)))
  })

  it('refuses columns that are not whole groups', () => {
    const of = {
      rows: 1,
      cols: 48,
      planes: 4,
      groupSize: 32,
      q: new Uint8Array(48),
      scales: new Uint16Array(1),
      mins: null,
    }
    expect(() => packPlanes(of)).toThrow(/48 columns are not whole groups of 32/)
  })
})
