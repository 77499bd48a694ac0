import { stat } from 'node:fs/promises'
import { SingleBar } from 'cli-progress'
import type { Command } from 'commander'
import { downloadCheckpoint, parseHubModel } from '../hub-checkpoint.ts'
import { readText } from '../open-file.ts'
import { packModel } from '../pack-model.ts'
import { parseGroup, parseName, parsePlanes, parseSampling } from '../pack-options.ts'

interface PackCommandOptions {
  readonly out: string
  readonly name?: string
  readonly planes?: string
  readonly group: string
  readonly temperature?: string
  readonly topP?: string
  readonly chatTemplate?: string
  readonly eos?: string
  readonly cache?: string
}

export function addPackCommand(program: Command): void {
  program
    .command('pack')
    .description('convert a Llama model into a pack: a manifest and shard files that a Worker can read')
    .argument(
      '<model>',
      'GGUF file, folder of a Hugging Face checkpoint, or id on the hub (owner/name or owner/name@revision; HF_ENDPOINT and HF_TOKEN are honoured)',
    )
    .requiredOption('--out <folder>', 'folder of the pack')
    .option('--name <name>', 'model name in the API (default: the name of the folder)')
    .option(
      '--planes <planes>',
      'round weights to 2 ... 8 bit planes, for all matrices (4) or by class (embedding=8,attention=4,ffn=3,head=6); ' +
        'otherwise block types keep their own precision and floats get 8',
    )
    .option('--group <columns>', 'columns that share a scale where weights are rounded: 32, 64 or 128', '32')
    .option('--temperature <number>', "temperature of requests that name none, in place of the checkpoint's own")
    .option('--top-p <number>', 'the same for top_p')
    .option('--chat-template <file>', "Jinja chat template in place of the model's own")
    .option(
      '--eos <tokens>',
      "ids or texts of the tokens that end an answer (2,<|im_end|>) in place of the model's own",
    )
    .option('--cache <folder>', 'where downloads are kept (default: .cache/nanbeige-edge in the home folder)')
    .action(pack)
}

async function pack(model: string, options: PackCommandOptions): Promise<void> {
  const { out, name, planes, group, temperature, topP, chatTemplate, eos, cache } = options
  // Wrong options are known before gigabytes are downloaded.
  const packOptions = {
    name: parseName(out, name),
    planes: planes === undefined ? {} : parsePlanes(planes),
    groupSize: parseGroup(group),
    sampling: parseSampling(temperature, topP),
    ...(chatTemplate !== undefined && { chatTemplate: await readText(chatTemplate) }),
    ...(eos !== undefined && { eos: eos.split(',').map((token) => token.trim()) }),
  }
  const hubModel = (await exists(model)) ? undefined : parseHubModel(model)
  const path = hubModel
    ? await withBar('downloading', (progress) => downloadCheckpoint(hubModel, { cache, progress }))
    : model
  const manifest = await withBar('packing', (progress) =>
    packModel(path, out, { ...packOptions, progress, ...(hubModel && { sourceName: model }) }),
  )
  const bytes = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0)
  process.stdout.write(`${out}: ${bytes} bytes, shards: ${manifest.shards.length}\n`)
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

async function withBar<T>(
  what: string,
  work: (progress: (done: number, total: number) => void) => Promise<T>,
): Promise<T> {
  const bar = new SingleBar({
    format: `${what} {bar} {percentage} % | {eta_formatted} left`,
    hideCursor: true,
    // Nothing on a pipe or in a log.
    noTTYOutput: false,
  })
  bar.start(1, 0)
  try {
    return await work((done, total) => {
      bar.setTotal(total)
      bar.update(done)
    })
  } finally {
    bar.stop()
  }
}
