import { median } from '../support/median.ts'

/** Median, and the range where there are several: `7.1 (6.9 – 7.3)`. */
export function spread(values: readonly number[], digits = 2): string {
  const middle = median(values).toFixed(digits)
  if (values.length === 1) return middle
  return `${middle} (${Math.min(...values).toFixed(digits)} – ${Math.max(...values).toFixed(digits)})`
}
