import type { Command } from 'commander'
import { parseFolder } from '../pack/pack-options.ts'

/** As commander gives them. */
export interface PackCommandOptions {
  readonly out: string
  readonly name?: string
  readonly planes?: string
  readonly group?: string
  readonly bits?: string
  readonly rotate?: boolean
  readonly calibrate?: string
  readonly calibrateOrigin?: boolean
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
    .requiredOption('--out <folder>', 'folder of the pack', parseFolder)
    .option('--name <name>', 'model name in the API (default: the name of the folder)')
    .option(
      '--planes <planes>',
      'round weights to 2 ... 8 bit planes, for all matrices (4) or by class (embedding=8,attention=4,ffn=3,head=6); ' +
        'otherwise block types keep their own precision and floats get 8',
    )
    .option('--group <columns>', 'columns that share a scale where weights are rounded: 32, 64 or 128 (default: 32)')
    .option(
      '--bits <number>',
      'planes and groups for each matrix by what it loses, so that all tensors together take so many bits a weight; calibrates',
    )
    .option(
      '--rotate',
      'rotate the model before its weights are rounded: it loses less, at the cost of one transform a layer',
    )
    .option(
      '--calibrate <text>',
      'rotate, and round so that the outputs for a text change least, layer by layer: default for the text that comes with this, or a file ' +
        '(plain text, or JSON as src/quantize/calibration.json); goes on where it was interrupted',
    )
    .option(
      '--calibrate-origin',
      "let the origins of the environment variable ORIGINS, which serve this model, answer the calibration text's chats first",
    )
    .option('--temperature <number>', "temperature of requests that name none, in place of the checkpoint's own")
    .option('--top-p <number>', 'the same for top_p')
    .option('--chat-template <file>', "Jinja chat template in place of the model's own")
    .option(
      '--eos <tokens>',
      "ids or texts of the tokens that end an answer (2,<|im_end|>) in place of the model's own",
    )
    .option(
      '--cache <folder>',
      'where downloads are kept (default: .cache/nanbeige-edge in the home folder)',
      parseFolder,
    )
    .action(async (model, options: PackCommandOptions) => (await import('./pack.ts')).pack(model, options))
}
