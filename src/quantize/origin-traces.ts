import { createHash } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { samplingParams } from '../chat/sampling.ts'
import { ChatTemplate } from '../chat/template.ts'
import { History } from '../origin/history.ts'
import type { OriginConfig } from '../origin/origin-config.ts'
import { openOrigins } from '../origin/origins.ts'
import { makeFolder } from '../pack/make-folder.ts'
import type { ModelSource } from '../pack/model-source.ts'
import { writeWhole } from '../pack/write-whole.ts'
import { loadTokenizer } from '../tokenizer/load.ts'
import { type CalibrationTexts, readTexts } from './calibration-text.ts'

type TracedModel = Pick<ModelSource, 'chatTemplate' | 'tokens' | 'sampling'>

/** Tokens of an answer at most: thoughts of a page or two. */
const ANSWER_TOKENS = 1024

/**
 * The traces, in a file in `out` until they are removed: a calibration that goes on after an interruption goes on with the same answers. Throws
 * PackError, AllOriginsFailedError.
 */
export async function keptTraces(
  out: string,
  texts: CalibrationTexts,
  tables: Uint8Array,
  source: TracedModel,
  configs: readonly OriginConfig[],
): Promise<{ texts: CalibrationTexts; remove(): Promise<void> }> {
  const decides = JSON.stringify([texts, source.chatTemplate, configs.map(({ url, model }) => [url, model])])
  const file = join(out, `.traces-${createHash('sha256').update(decides).digest('hex').slice(0, 16)}.json`)
  if (!(await stat(file).catch(() => undefined))) {
    const traces = await originTraces(texts, tables, source, configs)
    await makeFolder(out)
    await writeWhole(file, JSON.stringify(traces))
  }
  return { texts: await readTexts(file), remove: () => rm(file) }
}

/**
 * Texts in which origins that serve the model answer each chat anew, so that it is calibrated on what it writes itself: in each chat what the
 * last answer was makes place for theirs. The same origin gives the same answers, as far as it keeps to a seed. Throws AllOriginsFailedError.
 */
async function originTraces(
  texts: CalibrationTexts,
  tables: Uint8Array,
  { chatTemplate, tokens, sampling }: TracedModel,
  configs: readonly OriginConfig[],
): Promise<CalibrationTexts> {
  const tokenizer = loadTokenizer(tables)
  const template = new ChatTemplate(chatTemplate)
  const origins = await openOrigins(configs, { tokenizer, log: () => {} })
  const traces: CalibrationTexts = []
  for (const [seed, entry] of texts.entries()) {
    if ('text' in entry) {
      traces.push(entry)
      continue
    }
    const { messages, tools } = entry
    const asked = messages.at(-1)!.role === 'assistant' ? messages.slice(0, -1) : messages
    const text = template.render(asked, { tools, addGenerationPrompt: true })
    const history = new History(tokenizer, { ids: tokenizer.encode(text), text })
    const answer = origins.continueAtOrigin({
      history,
      maxTokens: ANSWER_TOKENS,
      sampling: samplingParams({ seed }, sampling),
      eosIds: tokens.eos,
      bannedIds: [],
      stopRules: { minTokens: 0, ignoreEos: false, stopTokenIds: [] },
      topLogprobs: undefined,
      grammar: undefined,
      signal: new AbortController().signal,
    })
    const given = []
    for await (const token of answer) given.push(token)
    traces.push({ text: history.with(given).text() ?? text })
  }
  return traces
}
