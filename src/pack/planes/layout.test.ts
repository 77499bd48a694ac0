import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TILE_ROWS } from '../../../assembly/layout.ts'
import { unpackPlanes } from '../../../test/support/unpack-planes.ts'
import { blockBytes, tileBytes } from '../../weights/plane-layout.ts'
import { packPlanes, type QuantizedMatrix } from './layout.ts'

function randomMatrix(
  seed: number,
  rows: number,
  groups: number,
  groupSize: number,
  planes: number,
  scales: 'halves' | 'minimums' | 'steps',
): QuantizedMatrix {
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
    scales: Uint16Array.from({ length: scales === 'steps' ? rows : rows * groups }, () => next() & 0xffff),
    ...(scales === 'steps' && { steps: Uint8Array.from({ length: rows * groups }, () => next() & 0xff) }),
    mins: scales === 'minimums' ? Uint16Array.from({ length: rows * groups }, () => next() & 0xffff) : null,
  }
}

const matrix = fc
  .record({
    seed: fc.integer(),
    rows: fc.integer({ min: 1, max: 100 }),
    groups: fc.integer({ min: 1, max: 4 }),
    groupSize: fc.constantFrom(32, 64, 128),
    planes: fc.integer({ min: 1, max: 8 }),
    scales: fc.constantFrom('halves', 'minimums', 'steps'),
  })
  .map((of) => randomMatrix(of.seed, of.rows, of.groups, of.groupSize, of.planes, of.scales))

const shapeOf = (of: QuantizedMatrix) => ({ ...of, hasMin: of.mins !== null, stepped: of.steps !== undefined })

/** Bit of one weight, straight from the prose of assembly/layout.ts. */
function bitByTheBook(packed: Uint8Array, of: QuantizedMatrix, row: number, col: number, plane: number): number {
  const { groupSize, planes, cols } = of
  const tile = Math.floor(row / TILE_ROWS) * tileBytes(cols, shapeOf(of))
  const block = tile + Math.floor(col / groupSize) * blockBytes(shapeOf(of))
  const start = block + Math.floor((col % groupSize) / 4) * planes * 16 + (plane >> 1) * 32
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
        expect(unpacked.steps).toEqual(of.steps)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  it('puts every bit and scale where assembly/layout.ts says', () => {
    for (let planes = 1; planes <= 8; planes++) {
      const of = randomMatrix(planes, 70, 2, 32, planes, (['halves', 'minimums', 'steps'] as const)[planes % 3])
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
        const [tile, r] = [Math.floor(row / 32) * tileBytes(of.cols, shapeOf(of)), row % 32]
        const behind = tile + 8 * 16 * planes
        const halfAt = (start: number) => packed[start + r * 2] | (packed[start + r * 2 + 1] << 8)
        if (of.steps) {
          expect(packed[behind + r]).toBe(of.steps[row * 2])
          expect(halfAt(tile + 2 * (8 * 16 * planes + 32))).toBe(of.scales[row])
          continue
        }
        expect(halfAt(behind)).toBe(of.scales[row * 2])
        if (of.mins) expect(halfAt(behind + 64)).toBe(of.mins[row * 2])
      }
    }
  })

  it.each(['minimums', 'steps'] as const)('packs blocks of rows to the same bytes as the whole, with %s', (scales) => {
    const of = randomMatrix(7, 80, 3, 64, 5, scales)
    const scalesOfRow = of.scales.length / of.rows
    const part = (from: number, to: number) =>
      packPlanes({
        ...of,
        rows: to - from,
        q: of.q.subarray(from * of.cols, to * of.cols),
        scales: of.scales.subarray(from * scalesOfRow, to * scalesOfRow),
        ...(of.steps && { steps: of.steps.subarray(from * 3, to * 3) }),
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
