import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChatModel } from '../chat/chat-model.ts'
import { loadChatModel } from '../chat/load-chat-model.ts'
import { loadModel } from '../model/load.ts'
import { kernelModules, xgrammarModule } from '../pack/kernel-modules.ts'
import { PackError } from '../pack/pack-error.ts'
import { packModel } from '../pack/pack-model.ts'
import { readSource } from '../pack/read-source.ts'
import { buildTokenizerTables } from '../pack/tokenizer/tables.ts'
import { type Answer, type AnswerFigures, answerable, answers, compareAnswers } from '../quantize/answers.ts'
import { readPrompts, readTexts, tokenSequences } from '../quantize/calibration-text.ts'
import { measureQuality } from '../quantize/quality.ts'
import { referenceLogits } from '../quantize/reference-model.ts'
import { folderStore } from '../weights/folder-store.ts'
import { parseManifest } from '../weights/parse-manifest.ts'
import { tensorBytes } from '../weights/plane-layout.ts'
import { ANSWER_TOKENS, type QualityOptions } from './quality-command.ts'
import { textTable } from './text-table.ts'
import { withBar } from './with-bar.ts'

const TEMPERATURES = [0, 0.6]

export async function quality(
  folder: string,
  { reference, text, tokens, answers: wanted, json }: QualityOptions,
): Promise<void> {
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
  const answered = wanted
    ? await withBar('answering', (progress) => answerFigures(folder, reference, progress))
    : undefined
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...figures, answers: answered })}\n`
      : `${[describe(figures), ...(answered ?? []).map(describeAnswers)].join('\n\n')}\n`,
  )
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

interface AnswersAt extends AnswerFigures {
  readonly temperature: number
}

/** Answers of a pack beside those of the weights that it was made of, packed as they are in a folder that goes again. */
async function answerFigures(
  folder: string,
  reference: string,
  progress: (done: number, total: number) => void,
): Promise<AnswersAt[]> {
  const exact = await mkdtemp(join(tmpdir(), 'nanbeige-edge-'))
  try {
    await packModel(reference, exact, { name: 'exact', planes: {}, groupSize: 32 })
    const chats = await Promise.all([folder, exact].map(loadChat))
    const prompts = answerable(chats[1], await readPrompts())
    const total = prompts.length * TEMPERATURES.length * chats.length
    let done = 0
    const at = async (chat: ChatModel, temperature: number) => {
      const given: Answer[] = []
      for await (const answer of answers(chat, prompts, { temperature, maxTokens: ANSWER_TOKENS })) {
        given.push(answer)
        progress(++done, total)
      }
      return given
    }
    const figures: AnswersAt[] = []
    for (const temperature of TEMPERATURES) {
      const [ours, theirs] = [await at(chats[0], temperature), await at(chats[1], temperature)]
      figures.push({ temperature, ...compareAnswers(prompts, ours, theirs) })
    }
    return figures
  } finally {
    await rm(exact, { recursive: true })
  }
}

async function loadChat(folder: string): Promise<ChatModel> {
  const store = folderStore(folder)
  const modules = await kernelModules()
  return loadChatModel(
    store,
    (manifest) => loadModel(store, manifest, modules, { contextLength: 1024, sequences: 1 }),
    xgrammarModule,
  )
}

function describeAnswers(figures: AnswersAt): string {
  const { temperature, answers, identical, equalShare, loops, referenceLoops, meanTokens, referenceMeanTokens } =
    figures
  const { toolPrompts, toolAnswers, referenceToolAnswers } = figures
  return textTable(
    [
      [`answers at temperature ${temperature}`, `${answers}`],
      ['the same as the exact ones', `${identical}`],
      ['the same for so much of the exact one', `${(100 * equalShare).toFixed(1)} %`],
      ['that end in a loop (exact)', `${loops} (${referenceLoops})`],
      ['mean length in tokens (exact)', `${meanTokens.toFixed(1)} (${referenceMeanTokens.toFixed(1)})`],
      [`calls that parse, of ${toolPrompts} with tools (exact)`, `${toolAnswers} (${referenceToolAnswers})`],
    ],
    1,
  ).join('\n')
}
