import type { Random } from '../../src/generate/random.ts'
import { integer } from '../kernels/random-values.ts'

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[integer(random, 0, values.length - 1)]
}

/** Some bits turned, or bytes put in, taken out or written over, within the first `within` bytes. */
export function damagedBytes(bytes: Uint8Array, random: Random, within: number): Uint8Array {
  const at = integer(random, 0, Math.max(within - 1, 0))
  const count = integer(random, 1, 9)
  const noise = Uint8Array.from({ length: count }, () => integer(random, 0, 255))
  const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)]
  return pick(random, [
    () => {
      const damaged = Buffer.from(bytes)
      damaged[at] ^= 1 << integer(random, 0, 7)
      return damaged
    },
    () => Buffer.concat([before, noise, behind]),
    () => Buffer.concat([before, behind.subarray(count)]),
    () => Buffer.concat([before, noise, behind.subarray(count)]),
  ])()
}

/** Deeper than a stack. */
const NESTED = `${'['.repeat(20_000)}${']'.repeat(20_000)}`

/** Values that are not what a reader of JSON waits for. */
const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  '',
  'x',
  '../../escaped',
  '\ud800',
  '<s>',
  0,
  1,
  -1,
  2,
  1.5,
  255,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 53,
  1e300,
  [],
  [1],
  [null],
  {},
  { type: 'x' },
  JSON.parse('{"__proto__":1}'),
]

/** One value somewhere in a JSON document set to another, taken out, doubled or exchanged with its neighbour. Returns its text. */
export function mutatedJson(document: unknown, random: Random): string {
  const copy = structuredClone(document)
  let holder = copy as Record<string, unknown>
  for (;;) {
    const keys = Object.keys(holder)
    const inner = keys.filter(
      (key) => typeof holder[key] === 'object' && holder[key] !== null && Object.keys(holder[key]).length > 0,
    )
    // Half of the changes are made at the top and in each level below it.
    if (inner.length === 0 || random() < 0.35) break
    holder = holder[pick(random, inner)] as Record<string, unknown>
  }
  const [key, other] = [pick(random, Object.keys(holder)), pick(random, Object.keys(holder))]
  pick(random, [
    () => {
      holder[key] = pick(random, STRANGE)
    },
    () => {
      holder[key] = pick(random, STRANGE)
    },
    () => {
      if (Array.isArray(holder)) holder.splice(Number(key), 1)
      else delete holder[key]
    },
    () => {
      if (Array.isArray(holder)) holder.push(holder[Number(key)])
      else holder[`${key}2`] = holder[key]
    },
    () => {
      ;[holder[key], holder[other]] = [holder[other], holder[key]]
    },
  ])()
  const text = JSON.stringify(copy)
  const changed = random()
  if (changed < 0.05) return text.replace(/.$/, (end) => `${end === '}' ? ',"nested":' : ','}${NESTED}${end}`)
  if (changed < 0.1) return `\ufeff${text}`
  return text
}
