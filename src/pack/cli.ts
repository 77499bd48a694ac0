#!/usr/bin/env node
import { Command } from 'commander'
import { PlanError } from '../pipeline/plan-error.ts'
import { folderStore } from '../weights/folder-store.ts'
import { readSpans } from '../weights/load-tensors.ts'
import type { Manifest } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { WeightsError } from '../weights/weights-error.ts'
import { addPackCommand } from './commands/pack.ts'
import { addPipelineCommands } from './commands/pipeline.ts'
import { DeployError } from './deploy-error.ts'
import { describePack } from './inspect-pack.ts'
import { PackError } from './pack-error.ts'
import { UnsupportedTokenizerError } from './tokenizer-spec.ts'

async function inspect(folder: string, { check }: { check?: boolean }): Promise<void> {
  const store = folderStore(folder)
  const manifest = parseManifest(await store.manifest(), folder)
  process.stdout.write(`${describePack(manifest)}\n`)
  if (check) {
    await readSpans(store, everySpan(manifest))
    process.stdout.write('every tensor has the sha256 that the manifest states\n')
  }
}

function everySpan({ tokenizer, tensors }: Manifest) {
  return [tokenizer, ...tensors.flatMap(({ spans }) => spans)].map((span) => ({
    span,
    into: new Uint8Array(span.bytes),
  }))
}

const program = new Command('nanbeige-edge').description('Prepare model weights for the edge.')

addPackCommand(program)

program
  .command('inspect')
  .description('show the configuration and the tensors of a pack')
  .argument('<folder>', 'folder of the pack')
  .option('--check', 'also read every shard and check its sha256')
  .action(inspect)

addPipelineCommands(program)

try {
  await program.parseAsync()
} catch (error) {
  const known = [PackError, PlanError, DeployError, WeightsError, UnsupportedTokenizerError].some(
    (type) => error instanceof type,
  )
  if (!known) throw error
  process.stderr.write(`nanbeige-edge: ${(error as Error).message}\n`)
  process.exitCode = 1
}
