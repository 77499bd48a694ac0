import type { PlanesTensor } from '../weights/manifest.ts'
import { planesBytes } from '../weights/plane-layout.ts'
import type { Setting } from './allocate.ts'

/** The setting whose divergence is measured. */
const PROBED_PLANES = 3
const PLANES = [2, 3, 4, 5, 6]
/** With these a group may be half as large: more scales never pay for more. */
const FINER_PLANES = [2, 3, 4]
const GROUPS = [128, 64, 32] as const

/** Most settings of a matrix. */
export const MOST_SETTINGS = PLANES.length + FINER_PLANES.length

/** The settings that a matrix may have, the first the one that is probed; their losses are not known yet. */
export function settingsOf({ shape: [rows, cols] }: PlanesTensor): Setting[] {
  const groups = GROUPS.filter((size) => cols % size === 0)
  const of = (planes: number, groupSize: (typeof GROUPS)[number]): Setting => {
    const bytes = planesBytes(rows, cols, { planes, groupSize, hasMin: false, stepped: true })
    return { planes, groupSize, bytes, loss: 0 }
  }
  const finer = groups.length > 1 ? FINER_PLANES.map((planes) => of(planes, groups[1])) : []
  const others = PLANES.filter((planes) => planes !== PROBED_PLANES).map((planes) => of(planes, groups[0]))
  return [of(PROBED_PLANES, groups[0]), ...others, ...finer]
}
