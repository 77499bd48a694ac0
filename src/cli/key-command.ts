import type { Command } from 'commander'
import { wholeNumber } from './whole-number.ts'

const EXAMPLES = `
Examples:
  nanbeige-edge key alice                              a key without limits, and the API_KEYS for it alone
  nanbeige-edge key bob --file keys.json --requests-per-minute 60 --tokens-per-day 100000 --no-origins
  nanbeige-edge key prometheus --file keys.json --metrics --requests-per-minute 1
  nanbeige-edge serve --keys keys.json                 for who holds one of them
`

export function addKeyCommand(program: Command): void {
  program
    .command('key')
    .description('make an API key: printed once, and known to a server by its sha256')
    .argument('<name>', 'whose it is, for logs and metrics')
    .option('--file <file>', 'add it to a file of keys, which is made where there is none')
    .option('--requests-per-minute <number>', 'requests that it may make', wholeNumber)
    .option('--tokens-per-minute <number>', 'tokens of prompts and answers', wholeNumber)
    .option('--tokens-per-day <number>', '… in a day of UTC', wholeNumber)
    .option('--streams <number>', 'answers that go on at once', wholeNumber)
    .option('--metrics', 'it may read /metrics, which tell of all keys')
    .option('--no-origins', 'GPU origins do not go on with its answers')
    .addHelpText('after', EXAMPLES)
    .action(async (name, options) => (await import('./key.ts')).makeKey(name, options))
}
