import type { Command } from 'commander'
import { loadModel } from '../model/load.ts'
import { kernelModules } from '../pack/kernel-modules.ts'
import { PackError } from '../pack/pack-error.ts'
import { readSource } from '../pack/read-source.ts'
import { buildTokenizerTables } from '../pack/tokenizer/tables.ts'
import { readTexts, tokenSequences } from '../quantize/calibration-text.ts'
import { measureQuality } from '../quantize/quality.ts'
import { referenceLogits } from '../quantize/reference-model.ts'
import { folderStore } from '../weights/folder-store.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { textTable } from './text-table.ts'
import { withBar } from './with-bar.ts'

/** Texts that calibration never sees. */
const DEFAULT_TEXT = new URL('../quantize/quality.json', import.meta.url).pathname

export function addQualityCommand(program: Command): void {
  program
    .command('quality')
    .description('show how far the next-token distributions of a pack are from those of the model that it was made of')
    .argument('<pack>', 'folder of the pack')
    .requiredOption('--reference <model>', 'GGUF file or folder of a Hugging Face checkpoint, computed in float32')
    .option('--text <file>', 'plain text, or JSON as src/quantize/quality.json is (default: that)', DEFAULT_TEXT)
    .option('--tokens <number>', 'tokens of each text at most', '102')
    .option('--json', 'the figures as JSON')
    .action(quality)
}

interface QualityOptions {
  readonly reference: string
  readonly text: string
  readonly tokens: string
  readonly json?: boolean
}

async function quality(folder: string, { reference, text, tokens, json }: QualityOptions): Promise<void> {
  const most = Number(tokens)
  if (!Number.isSafeInteger(most) || most < 2) {
    throw new PackError('option_invalid', `--tokens: ${tokens} is not a whole number from 2 on`)
  }
  const store = folderStore(folder)
  const manifest = parseManifest(await store.manifest(), folder)
  const source = await readSource(reference)
  const tables = buildTokenizerTables(source.tokenizer)
  if (manifest.config.vocabSize !== source.config.vocabSize) {
    throw new PackError('option_invalid', `${reference} has another vocabulary than ${folder}: it is another model`)
  }
  const sequences = tokenSequences(await readTexts(text), tables, source).map((ids) => ids.slice(0, most))
  const model = await loadModel(store, manifest, await kernelModules(), { contextLength: most, sequences: 1 })
  const measured = await withBar('measuring', (progress) =>
    measureQuality(model, sequences, referenceLogits(source, sequences), progress),
  )
  const bytes = manifest.tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0)
  const weights = [...source.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const figures = { bytes, bitsPerWeight: (bytes * 8) / weights, ...measured }
  process.stdout.write(json ? `${JSON.stringify(figures)}\n` : `${describe(figures)}\n`)
}

function describe(
  figures: Awaited<ReturnType<typeof measureQuality>> & { bytes: number; bitsPerWeight: number },
): string {
  const { bytes, bitsPerWeight, positions, meanKl, medianKl, p99Kl, sameTop1, perplexity, referencePerplexity } =
    figures
  return textTable(
    [
      ['bytes', String(bytes)],
      ['bits a weight of the reference, all bytes counted', bitsPerWeight.toFixed(3)],
      ['positions', String(positions)],
      ['mean KL', meanKl.toFixed(4)],
      ['median KL', medianKl.toFixed(4)],
      ['99th percentile of KL', p99Kl.toFixed(3)],
      ['same likeliest token', `${(100 * sameTop1).toFixed(1)} %`],
      ['perplexity', perplexity.toFixed(3)],
      ["reference's perplexity", referencePerplexity.toFixed(3)],
    ],
    1,
  ).join('\n')
}
