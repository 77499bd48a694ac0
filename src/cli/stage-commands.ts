import type { Command } from 'commander'
import { MAX_STAGE_MIB } from '../deploy/platform-limits.ts'
import { parseFolder } from '../pack/pack-options.ts'
import { wholeNumber } from './whole-number.ts'

/** Tokens of a session's context. */
export const DEFAULT_CONTEXT = 4096
/** A second chat need not wait for the end of the first. */
const DEFAULT_SESSIONS = 2

/** The commands that spread a pack over Durable Objects. */
export function addPipelineCommands(program: Command): void {
  const pipelineCommand = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .argument('<folder>', 'folder of the pack')
      .option(
        '--stage-mib <MiB>',
        `Wasm memory that a stage may take: weights, KV caches and scratch (default: ${MAX_STAGE_MIB}, the most that an isolate of Cloudflare has room for)`,
        wholeNumber,
      )
      .option(
        '--context <tokens>',
        `tokens that a session can hold (default: ${DEFAULT_CONTEXT}, or the model's own limit where that is less)`,
        wholeNumber,
      )
      .option('--sessions <number>', 'sessions whose KV caches are held at once', wholeNumber, DEFAULT_SESSIONS)

  pipelineCommand(
    'plan',
    'show how a pack is spread over Durable Objects of 128 MB: memory, CPU time a token, cost of 1,000 tokens',
  ).action(async (folder, options) => (await import('./plan.ts')).planCommand(folder, options))

  pipelineCommand('deploy', 'write the Worker scripts of the stages and the router, and deploy them with wrangler')
    .option('--out <folder>', 'where to write them (default: dist/deploy/ and the name of the model)', parseFolder)
    .option('--keys <file>', 'file of the keys that are let in, which `key NAME --file` wrote')
    .option('--public', 'let strangers in, with limits for each address and without GPU origins')
    .option('--dry-run', 'everything but the upload: needs no network and no account')
    .action(async (folder, options) => (await import('./deploy.ts')).deployCommand(folder, options))
}
