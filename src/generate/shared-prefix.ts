/** How many ids two lists begin with in common. */
export function sharedPrefix(a: readonly number[], b: readonly number[]): number {
  const different = a.findIndex((id, index) => id !== b[index])
  return different < 0 ? a.length : different
}
