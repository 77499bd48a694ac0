#!/usr/bin/env node
import { basename } from 'node:path'
import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { PlanError } from '../pipeline/plan-error.ts'
import { folderStore } from '../weights/folder-store.ts'
import { readSpans } from '../weights/load-tensors.ts'
import type { Manifest } from '../weights/manifest.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { WeightsError } from '../weights/weights-error.ts'
import { addPipelineCommands } from './commands/pipeline.ts'
import { DeployError } from './deploy-error.ts'
import { describePack } from './inspect-pack.ts'
import { PackError } from './pack-error.ts'
import { packModel } from './pack-model.ts'
import { parseGroup, parsePlanes, parseSampling } from './pack-options.ts'
import { UnsupportedTokenizerError } from './tokenizer-spec.ts'

interface PackCommandOptions {
  readonly out: string
  readonly name?: string
  readonly planes?: string
  readonly group: string
  readonly temperature?: string
  readonly topP?: string
}

async function pack(model: string, { out, name, planes, group, temperature, topP }: PackCommandOptions): Promise<void> {
  const bar = new SingleBar({
    format: 'packing {bar} {percentage} % | {eta_formatted} left',
    hideCursor: true,
    // Nothing on a pipe or in a log.
    noTTYOutput: false,
  })
  bar.start(1, 0)
  try {
    const manifest = await packModel(model, out, {
      name: name ?? basename(out),
      planes: planes === undefined ? {} : parsePlanes(planes),
      groupSize: parseGroup(group),
      sampling: parseSampling(temperature, topP),
      progress(done, total) {
        bar.setTotal(total)
        bar.update(done)
      },
    })
    bar.stop()
    const bytes = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0)
    process.stdout.write(`${out}: ${bytes} bytes, shards: ${manifest.shards.length}\n`)
  } finally {
    bar.stop()
  }
}

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

program
  .command('pack')
  .description('convert a GGUF model into a pack: a manifest and shard files that a Worker can read')
  .argument('<model>', 'GGUF file of a Llama model')
  .requiredOption('--out <folder>', 'folder of the pack')
  .option('--name <name>', 'model name in the API (default: the name of the folder)')
  .option(
    '--planes <planes>',
    'round weights to 2 ... 8 bit planes, for all matrices (4) or by class (embedding=8,attention=4,ffn=3,head=6); ' +
      'otherwise block types keep their own precision and floats get 8',
  )
  .option('--group <columns>', 'columns that share a scale where weights are rounded: 32, 64 or 128', '32')
  .option(
    '--temperature <number>',
    'temperature of requests that name none, as the model card advises (a GGUF does not say)',
  )
  .option('--top-p <number>', 'the same for top_p')
  .action(pack)

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
