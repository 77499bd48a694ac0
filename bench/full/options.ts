import { Command, InvalidArgumentError } from 'commander'
import { type PlaneCount, planeCounts } from './geometry.ts'

/** One isolate, the pipeline, and llama.cpp outside and inside of a browser. */
const parts = ['edge', 'pipeline', 'native', 'wllama'] as const
type Part = (typeof parts)[number]

export interface Options {
  readonly only: readonly Part[]
  readonly planes: readonly PlaneCount[]
  readonly rounds: number
}

export function parseOptions(): Options {
  return new Command()
    .option('--only <parts>', parts.join(', '), oneOf(parts), [...parts])
    .option('--planes <counts>', planeCounts.join(', '), oneOf(planeCounts), [...planeCounts])
    .option('--rounds <count>', 'of which the table has the median', wholeNumber, 3)
    .parse()
    .opts<Options>()
}

/** Parses a list of some of these. */
function oneOf<T extends string | number>(known: readonly T[]): (text: string) => T[] {
  return (text) =>
    text.split(',').map((name) => {
      const found = known.find((value) => String(value) === name)
      if (found === undefined) throw new InvalidArgumentError(`${name} is none of ${known.join(', ')}.`)
      return found
    })
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number of at least 1.')
  return value
}
