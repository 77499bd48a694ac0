#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { Command } from 'commander'
import { DeployError, PlanError } from '../deploy/errors.ts'
import { AccessConfigError } from '../http/access/config-error.ts'
import { AllOriginsFailedError } from '../origin/errors.ts'
import { FindOriginError } from '../origin/find-origin.ts'
import { OriginConfigError } from '../origin/origin-config.ts'
import { PackError } from '../pack/pack-error.ts'
import { UnsupportedTokenizerError } from '../pack/tokenizer/spec.ts'
import { AddressError, ServeError } from '../serve/errors.ts'
import { TokenizerTablesError } from '../tokenizer/tables.ts'
import { WeightsError } from '../weights/weights-error.ts'
import { AnswerError } from '../widget/client.ts'
import { addChatCommand } from './chat.ts'
import { addKeyCommand } from './key-command.ts'
import { addPackCommand } from './pack-command.ts'
import { addQualityCommand } from './quality-command.ts'
import { addServeCommand } from './serve.ts'
import { addPipelineCommands } from './stage-commands.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
// Each command loads what it needs when it runs: all of them together take longer than a server's start.
const program = new Command('nanbeige-edge')
  .description('Serve a language model at the edge, talk to it, and prepare its weights.')
  .version(version)
  .addHelpText('after', '\n`nanbeige-edge help COMMAND` has the options of a command, README.md the rest.')

addServeCommand(program)
addChatCommand(program)
addPackCommand(program)

addKeyCommand(program)

program
  .command('inspect')
  .description('show the configuration and the tensors of a pack')
  .argument('<folder>', 'folder of the pack')
  .option('--check', 'also read every shard and check its sha256')
  .action(async (folder, options) => (await import('./inspect.ts')).inspect(folder, options))

addQualityCommand(program)
addPipelineCommands(program)

const EXPECTED = [
  ...[PackError, PlanError, DeployError, WeightsError, UnsupportedTokenizerError, TokenizerTablesError],
  ...[OriginConfigError, AllOriginsFailedError],
  ...[ServeError, AddressError, FindOriginError, AnswerError, AccessConfigError],
]

/** What is wrong, in one line. Errors of the system (a full disk, no permission) say it themselves; others are faults of this program. */
function lineOf(error: Error): string {
  if (EXPECTED.some((type) => error instanceof type) || 'syscall' in error) return error.message
  const place = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '))
  return `a fault of nanbeige-edge itself: ${error.message} (${place?.trim() ?? 'nobody knows where'})`
}

function fail(error: Error): never {
  process.stderr.write(`nanbeige-edge: ${lineOf(error)}\n`)
  process.exit(1)
}

process.on('uncaughtException', fail)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `inspect … | head` has read enough. The status is that of a program which the signal for it ends.
  if (error.code === 'EPIPE') process.exit(128 + constants.signals.SIGPIPE)
  fail(error)
})
await program.parseAsync().catch(fail)
