import {
  anyOf,
  choice,
  EMPTY,
  type Expression,
  NEVER,
  oneOf,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from '../expression.ts'

/** Digits that a double holds exactly, whatever they are: numbers in a grammar have no more, or rounding could break a bound. */
export const MAX_DIGITS = 15

const DIGIT = digits('0', '9')
const POSITIVE = sequence(digits('1', '9'), repeat(DIGIT, 0, MAX_DIGITS - 1))
const FRACTION = sequence(text('.'), repeat(DIGIT, 1, MAX_DIGITS))
const EXPONENT = sequence(anyOf('eE'), optional(anyOf('+-')), repeat(DIGIT, 1, 2))

export const INTEGER: Expression = rule(() => choice(text('0'), sequence(optional(text('-')), POSITIVE)))
export const NUMBER: Expression = rule(() =>
  sequence(optional(text('-')), choice(text('0'), POSITIVE), optional(FRACTION), optional(EXPONENT)),
)

/** Bounds of a number; left out: none. */
export interface Interval {
  readonly min: number
  readonly max: number
  readonly excludesMin: boolean
  readonly excludesMax: boolean
}

const LARGEST = 10 ** MAX_DIGITS - 1

/** The whole numbers of an interval with at most 15 digits. */
export function integersIn({ min, max, excludesMin, excludesMax }: Interval): Expression {
  const low = Math.max(excludesMin ? Math.floor(min) + 1 : Math.ceil(min), -LARGEST)
  const high = Math.min(excludesMax ? Math.ceil(max) - 1 : Math.floor(max), LARGEST)
  if (low > high) return NEVER
  return choice(
    low < 0 ? sequence(text('-'), naturals(Math.max(1, -high), -low)) : NEVER,
    high >= 0 ? naturals(Math.max(0, low), high) : NEVER,
  )
}

/** The whole numbers from `low` to `high`, both at least 0. */
function naturals(low: number, high: number): Expression {
  const branches: Expression[] = []
  for (let length = String(low).length; length <= String(high).length; length++) {
    const smallest = length === 1 ? 0 : 10 ** (length - 1)
    branches.push(ofLength(String(Math.max(low, smallest)), String(Math.min(high, 10 ** length - 1))))
  }
  return choice(...branches)
}

/** Texts of digits from `low` to `high`, all of one length. */
function ofLength(low: string, high: string): Expression {
  if (low === high) return text(low)
  if (/^0*$/.test(low) && /^9*$/.test(high)) return repeat(DIGIT, low.length, low.length)
  const [first, last] = [Number(low[0]), Number(high[0])]
  if (first === last) return sequence(text(low[0]), ofLength(low.slice(1), high.slice(1)))
  const rest = low.length - 1
  const [all, none] = ['9'.repeat(rest), '0'.repeat(rest)]
  // Where the rest is free, its first digit is one of those between.
  const from = low.slice(1) === none ? first : first + 1
  const to = high.slice(1) === all ? last : last - 1
  return choice(
    from > first ? sequence(text(low[0]), rest === 0 ? EMPTY : ofLength(low.slice(1), all)) : NEVER,
    from <= to ? sequence(digits(String(from), String(to)), repeat(DIGIT, rest, rest)) : NEVER,
    to < last ? sequence(text(high[0]), rest === 0 ? EMPTY : ofLength(none, high.slice(1))) : NEVER,
  )
}

/** The numbers of an interval, written without an exponent; undefined where a bound has more digits than can be told apart. */
export function numbersIn({ min, max, excludesMin, excludesMax }: Interval): Expression | undefined {
  const negative = min < 0 ? decimals(max < 0 ? -max : 0, -min, max < 0 && excludesMax, excludesMin) : NEVER
  const positive = max >= 0 ? decimals(Math.max(0, min), max, min >= 0 && excludesMin, excludesMax) : NEVER
  if (!negative || !positive) return undefined
  return choice(negative === NEVER ? NEVER : sequence(text('-'), negative), positive)
}

/** The numbers from `low` to `high`, both at least 0. */
function decimals(low: number, high: number, excludesLow: boolean, excludesHigh: boolean): Expression | undefined {
  if (low > high || (low === high && (excludesLow || excludesHigh))) return NEVER
  const from = parts(low)
  const to = high > LARGEST ? undefined : parts(high)
  if (!from || (high <= LARGEST && !to)) return undefined
  const room = MAX_DIGITS - Math.max(String(from.whole).length, String(to?.whole ?? 0).length)
  if (from.fraction.length >= room || (to?.fraction.length ?? 0) >= room) return undefined
  if (to && from.whole === to.whole) {
    return sequence(text(String(from.whole)), fractionBetween(from.fraction, to.fraction, excludesLow, excludesHigh))
  }
  const last = to?.whole ?? LARGEST + 1
  return choice(
    sequence(text(String(from.whole)), fractionFrom(from.fraction, excludesLow, room)),
    last - from.whole > 1 ? sequence(naturals(from.whole + 1, last - 1), optional(FRACTION)) : NEVER,
    to ? sequence(text(String(to.whole)), fractionUpTo(to.fraction, excludesHigh, room)) : NEVER,
  )
}

/** Digits of a number that is written without an exponent; undefined for others. */
function parts(value: number): { whole: number; fraction: string } | undefined {
  const [, whole, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(String(value)) ?? []
  return whole === undefined || whole.length > MAX_DIGITS ? undefined : { whole: Number(whole), fraction }
}

/** A fraction, or none, of at least `low`. */
function fractionFrom(low: string, excludes: boolean, room: number): Expression {
  if (low === '' && !excludes) return optional(sequence(text('.'), repeat(DIGIT, 1, room)))
  const larger = Array.from(low, (digit, at) =>
    digit === '9'
      ? NEVER
      : sequence(text(low.slice(0, at)), digits(next(digit, 1), '9'), repeat(DIGIT, 0, room - at - 1)),
  )
  const beyond = sequence(text(low), aboveZero(room - low.length))
  return sequence(
    text('.'),
    choice(...larger, excludes ? beyond : sequence(text(low), repeat(DIGIT, 0, room - low.length))),
  )
}

/** A fraction, or none, of at most `high`. */
function fractionUpTo(high: string, excludes: boolean, room: number): Expression {
  if (high === '') return excludes ? NEVER : optional(sequence(text('.'), repeat(text('0'), 1, room)))
  const smaller = Array.from(high, (digit, at) =>
    digit === '0'
      ? NEVER
      : sequence(text(high.slice(0, at)), digits('0', next(digit, -1)), repeat(DIGIT, 0, room - at - 1)),
  )
  const shorter = Array.from({ length: high.length - 1 }, (_, at) => text(high.slice(0, at + 1)))
  const equal = excludes ? NEVER : sequence(text(high), repeat(text('0'), 0, room - high.length))
  return optional(sequence(text('.'), choice(...smaller, ...shorter, equal)))
}

/** A fraction between two, with a digit more than they have; or none, where that is between them. */
function fractionBetween(low: string, high: string, excludesLow: boolean, excludesHigh: boolean): Expression {
  const length = Math.max(low.length, high.length) + 1
  const from = BigInt(low.padEnd(length, '0')) + (excludesLow ? 1n : 0n)
  const to = BigInt(high.padEnd(length, '0')) - (excludesHigh ? 1n : 0n)
  const written = (value: bigint) => String(value).padStart(length, '0')
  return choice(
    low === '' && !excludesLow ? EMPTY : NEVER,
    !excludesHigh && high !== '' ? text(`.${high}`) : NEVER,
    from <= to ? sequence(text('.'), ofLength(written(from), written(to))) : NEVER,
  )
}

/** Up to so many digits that are not all zero: half of them may be zeros in front. */
function aboveZero(room: number): Expression {
  const zeros = room >> 1
  return sequence(repeat(text('0'), 0, zeros), digits('1', '9'), repeat(DIGIT, 0, room - zeros - 1))
}

const MAX_MULTIPLES = 1000
/** Digits of multiples without bounds, by the size of what they are multiples of: a state for each remainder and digit. */
const DIGITS_OF_MULTIPLES = [
  [100, 8],
  [1000, 4],
] as const

/** The whole multiples of a whole number in an interval; undefined where they are too many to be told apart. */
export function multiplesIn(of: number, interval: Interval): Expression | undefined {
  const { min, max, excludesMin, excludesMax } = interval
  if ((max - min) / of <= MAX_MULTIPLES) {
    const values: Expression[] = []
    for (let value = Math.ceil(min / of) * of; value <= max; value += of) {
      if ((excludesMin && value === min) || (excludesMax && value === max)) continue
      values.push(text(String(value === 0 ? 0 : value)))
    }
    return choice(...values)
  }
  const length = DIGITS_OF_MULTIPLES.find(([largest]) => of <= largest)?.[1]
  if (length === undefined || max !== Infinity || (min !== -Infinity && min !== 0)) return undefined
  const positive = sequence(positiveMultiples(of, length))
  const zero = min === 0 && excludesMin ? NEVER : text('0')
  return choice(zero, positive, min === 0 ? NEVER : sequence(text('-'), positive))
}

function positiveMultiples(of: number, length: number): Expression {
  const rests = new Map<string, Expression>()
  /** What makes a multiple of a number with this remainder, in so many digits at most. */
  const rest = (remainder: number, left: number): Expression => {
    const key = `${remainder}/${left}`
    const known = rests.get(key)
    if (known) return known
    const made = rule((self) => {
      rests.set(key, self)
      return choice(remainder === 0 ? EMPTY : NEVER, ...(left === 0 ? [] : after(remainder, left, 0)))
    })
    return made
  }
  const after = (remainder: number, left: number, first: number) =>
    Array.from({ length: 10 - first }, (_, i) =>
      sequence(text(String(first + i)), rest((remainder * 10 + first + i) % of, left - 1)),
    )
  return choice(...after(0, length, 1))
}

function digits(first: string, last: string): Expression {
  return oneOf([[first.charCodeAt(0), last.charCodeAt(0)]])
}

function next(digit: string, by: number): string {
  return String(Number(digit) + by)
}
