import type { Random } from '../generate/random.ts'

/**
 * By ascending order; among equals each comes first with a probability proportional to its weight, and so on with
 * the rest (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
 */
export function arrange<T extends { readonly order: number; readonly weight: number }>(
  items: readonly T[],
  random: Random,
): T[] {
  const keyed = items.map((item) => ({ item, key: -Math.log(1 - random()) / item.weight }))
  return keyed.sort((a, b) => a.item.order - b.item.order || a.key - b.key).map(({ item }) => item)
}
