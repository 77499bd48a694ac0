import { LEAST_FOURS, QUAD, TABLE_ENTRIES } from '../../assembly/layout.ts'

/** The tables of `columns` activation vectors. */
export interface Tables {
  /** [group][column][quad of the group][16], see tableOffset for the kernel's order */
  readonly entries: Int8Array
  /** [group][column]: what an entry is multiplied by. */
  readonly scales: Float32Array
  /** [group][column]: sum of x. */
  readonly sums: Float64Array
  /** [group][column]: sum of |x|, which bounds the rounding of `sums`. */
  readonly magnitudes: Float64Array
}

/**
 * Where the kernel keeps the table of one quad, in bytes, as assembly/tables.ts says: whole blocks of four columns quad by
 * quad, then the columns that are left one by one.
 */
export function tableOffset(group: number, column: number, quad: number, columns: number, groupQuads: number): number {
  const block = column - (column % 4)
  const inBlock = columns >= LEAST_FOURS && block + 4 <= columns
  const first = group * columns + (inBlock ? block : column)
  return (first * groupQuads + (inBlock ? quad * 4 + (column % 4) : quad)) * TABLE_ENTRIES
}

const f32 = Math.fround

function roundTiesToEven(x: number): number {
  const floor = Math.floor(x)
  const fraction = x - floor
  return fraction > 0.5 || (fraction === 0.5 && floor % 2 !== 0) ? floor + 1 : floor
}

/**
 * Entries and scales as assembly/tables.ts defines them, rounded to float32 at the same steps, so that they are equal and
 * not only close. x (columns, size).
 */
export function buildTables(
  x: Float32Array,
  size: number,
  columns: number,
  groupSize: number,
  entryMax: number,
): Tables {
  const groups = size / groupSize
  const tables: Tables = {
    entries: new Int8Array(columns * (size / QUAD) * TABLE_ENTRIES),
    scales: new Float32Array(groups * columns),
    sums: new Float64Array(groups * columns),
    magnitudes: new Float64Array(groups * columns),
  }
  let at = 0
  for (let group = 0; group < groups; group++) {
    for (let column = 0; column < columns; column++) {
      const part = x.subarray(column * size + group * groupSize).subarray(0, groupSize)
      const i = group * columns + column
      const top = largestQuad(part)
      tables.scales[i] = f32(f32(top * 0.5) / entryMax)
      tables.sums[i] = part.reduce((sum, value) => sum + value, 0)
      tables.magnitudes[i] = part.reduce((sum, value) => sum + Math.abs(value), 0)
      const inverse = top > 0 ? f32(entryMax / top) : 0
      for (let quad = 0; quad < groupSize; quad += QUAD) {
        const [a, b, c, d] = part.subarray(quad, quad + QUAD).map((value) => f32(value * inverse))
        for (let index = 0; index < TABLE_ENTRIES; index++) {
          const signed = (value: number, bit: number) => ((index >> bit) & 1 ? value : -value)
          const low = f32(signed(a, 0) + signed(b, 1))
          tables.entries[at++] = roundTiesToEven(f32(low + f32(signed(c, 2) + signed(d, 3))))
        }
      }
    }
  }
  return tables
}

/** Largest sum of |x| over a quad, in float32: neighbours first. */
function largestQuad(x: Float32Array): number {
  let top = 0
  for (let i = 0; i < x.length; i += QUAD) {
    const [a, b, c, d] = x.subarray(i, i + QUAD).map(Math.abs)
    top = Math.max(top, f32(f32(a + b) + f32(c + d)))
  }
  return top
}
