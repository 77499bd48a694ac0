/** One way to store a matrix, and what it loses. */
export interface Setting {
  readonly planes: number
  readonly groupSize: 32 | 64 | 128
  readonly bytes: number
  readonly loss: number
}

/**
 * A setting for each matrix, whose bytes together are at most `budget` and whose losses, which add up, are as small as steps allow that each
 * take the most loss away for their bytes: the best there is, but for what the last steps leave of the budget. null: the budget is too small.
 */
export function allocate(
  matrices: ReadonlyMap<string, readonly Setting[]>,
  budget: number,
): Map<string, Setting> | null {
  const hulls = [...matrices].map(([name, settings]) => ({ name, hull: lowerHull(settings) }))
  const chosen = new Map(hulls.map(({ name, hull }) => [name, hull[0]]))
  let left = budget - hulls.reduce((sum, { hull }) => sum + hull[0].bytes, 0)
  if (left < 0) return null
  // Within a matrix the gains fall from step to step, so that its steps come in order.
  const steps = hulls
    .flatMap(({ name, hull }) => hull.slice(1).map((to, i) => ({ name, from: hull[i], to, gain: gain(hull[i], to) })))
    .sort((a, b) => b.gain - a.gain)
  for (const { name, from, to } of steps) {
    const cost = to.bytes - from.bytes
    if (chosen.get(name) !== from || cost > left) continue
    chosen.set(name, to)
    left -= cost
  }
  return chosen
}

/** Loss that each further byte takes away. */
const gain = (from: Setting, to: Setting) => (from.loss - to.loss) / (to.bytes - from.bytes)

/** The settings that are best at some price of a byte, by bytes. */
function lowerHull(settings: readonly Setting[]): Setting[] {
  const hull: Setting[] = []
  for (const setting of settings.toSorted((a, b) => a.bytes - b.bytes || a.loss - b.loss)) {
    if (hull.length > 0 && setting.loss >= hull[hull.length - 1].loss) continue
    while (
      hull.length > 1 &&
      gain(hull[hull.length - 2], hull[hull.length - 1]) <= gain(hull[hull.length - 2], setting)
    ) {
      hull.pop()
    }
    hull.push(setting)
  }
  return hull
}
