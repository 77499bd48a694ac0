import { Command } from 'commander'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { oneOf } from '../support/parse-option.ts'
import { CONTEXTS, type ContextLength, contextLengths, type PlaneCount, planeCounts } from './geometry.ts'

/** One isolate, the pipeline, and llama.cpp outside and inside of a browser. */
const parts = ['edge', 'pipeline', 'native', 'wllama'] as const
type Part = (typeof parts)[number]

export interface Options {
  readonly only: readonly Part[]
  readonly planes: readonly PlaneCount[]
  readonly contexts: readonly ContextLength[]
  readonly rounds: number
}

export function parseOptions(): Options {
  return new Command()
    .option('--only <parts>', parts.join(', '), oneOf(parts), [...parts])
    .option('--planes <counts>', planeCounts.join(', '), oneOf(planeCounts), [...planeCounts])
    .option('--contexts <tokens>', `${contextLengths.join(', ')}, of one isolate`, oneOf(contextLengths), [...CONTEXTS])
    .option('--rounds <count>', 'of which the table has the median', wholeNumber, 3)
    .parse()
    .opts<Options>()
}
