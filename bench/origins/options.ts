import { Command } from 'commander'
import { wholeNumber } from '../../src/cli/whole-number.ts'
import { oneOf } from '../support/parse-option.ts'

const parts = ['handover', 'faults', 'grammar'] as const
const servers = ['llama-server', 'vllm'] as const
export type ServerName = (typeof servers)[number]

export interface Options {
  readonly origin: readonly ServerName[]
  readonly only: readonly (typeof parts)[number][]
  readonly prompts: number
  readonly times: number
  readonly held: number
}

export function parseOptions(): Options {
  return new Command()
    .option('--origin <servers>', servers.join(', '), oneOf(servers), [servers[0]])
    .option('--only <parts>', parts.join(', '), oneOf(parts), [...parts])
    .option('--prompts <count>', 'that are handed over', wholeNumber, 50)
    .option('--times <count>', 'that every fault is injected', wholeNumber, 20)
    .option(
      '--held <count>',
      'answers that are handed over to each origin while a grammar holds them',
      wholeNumber,
      100,
    )
    .parse()
    .opts<Options>()
}
