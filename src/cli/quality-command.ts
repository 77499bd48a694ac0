import type { Command } from 'commander'

/** Tokens of an answer at most. */
export const ANSWER_TOKENS = 96
export const PROMPTS = 40
/** Texts that calibration never sees. */
const DEFAULT_TEXT = new URL('../quantize/quality.json', import.meta.url).pathname

/** As commander gives them. */
export interface QualityOptions {
  readonly reference: string
  readonly text: string
  readonly tokens: string
  readonly answers?: boolean
  readonly json?: boolean
}

export function addQualityCommand(program: Command): void {
  program
    .command('quality')
    .description('show how far the next-token distributions of a pack are from those of the model that it was made of')
    .argument('<pack>', 'folder of the pack')
    .requiredOption('--reference <model>', 'GGUF file or folder of a Hugging Face checkpoint, computed in float32')
    .option('--text <file>', 'plain text, or JSON as src/quantize/quality.json is (default: that)', DEFAULT_TEXT)
    .option('--tokens <number>', 'tokens of each text at most', '102')
    .option(
      '--answers',
      `also compare answers to ${PROMPTS} prompts, of ${ANSWER_TOKENS} tokens at most, with those of the exact weights`,
    )
    .option('--json', 'the figures as JSON')
    .action(async (pack, options: QualityOptions) => (await import('./quality.ts')).quality(pack, options))
}
