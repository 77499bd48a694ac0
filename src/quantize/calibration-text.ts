import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { ChatMessage } from '../chat/messages.ts'
import { ChatTemplate } from '../chat/template.ts'
import type { ModelSource } from '../pack/model-source.ts'
import { PackError } from '../pack/pack-error.ts'
import { loadTokenizer } from '../tokenizer/load.ts'

/** The text that was written for this project. */
const DEFAULT_TEXT = new URL('./calibration.json', import.meta.url).pathname
/** Tokens of a sequence at most: a longer text becomes several. */
const SEQUENCE_TOKENS = 512
/** Shorter rests say little for what they cost. */
const LEAST_TOKENS = 16

export const chat = z.object({
  messages: z.array(z.custom<ChatMessage>((value) => typeof value === 'object' && value !== null)),
  tools: z.array(z.unknown()).optional(),
})
const texts = z.array(z.union([z.object({ text: z.string() }), chat]))

export type CalibrationChat = z.infer<typeof chat>

/** Pieces of text, or chats to be written by the model's own template. */
export type CalibrationTexts = z.infer<typeof texts>

/** `default`, a JSON file as calibration.json and quality.json are, or a file of plain text. Throws PackError. */
export async function readTexts(option: string): Promise<CalibrationTexts> {
  const path = option === 'default' ? DEFAULT_TEXT : option
  const content = await readFile(path, 'utf8').catch((error) => {
    throw new PackError('file_missing', `${path}: cannot be read (${error.message})`)
  })
  if (!path.endsWith('.json')) return [{ text: content }]
  try {
    return texts.parse(JSON.parse(content))
  } catch (error) {
    throw new PackError('metadata_invalid', `${path}: no list of texts and chats (${(error as Error).message})`)
  }
}

/** The prompts whose answers tell how good a pack is; calibration sees none of them. */
export async function readPrompts(): Promise<CalibrationChat[]> {
  const path = new URL('./prompts.json', import.meta.url)
  return z.array(chat).parse(JSON.parse(await readFile(path, 'utf8')))
}

/** Token ids of texts in sequences of at most SEQUENCE_TOKENS. Throws PackError where there are none. */
export function tokenSequences(
  texts: CalibrationTexts,
  tables: Uint8Array,
  { chatTemplate, tokens }: Pick<ModelSource, 'chatTemplate' | 'tokens'>,
): number[][] {
  const tokenizer = loadTokenizer(tables)
  const template = new ChatTemplate(chatTemplate)
  const bos = tokens.addBos && tokens.bos !== null ? [tokens.bos] : []
  const room = SEQUENCE_TOKENS - bos.length
  const sequences = texts.flatMap((entry) => {
    const text =
      'text' in entry ? entry.text : template.render(entry.messages, { tools: entry.tools, addGenerationPrompt: false })
    const ids = tokenizer.encode(text)
    const count = Math.ceil(ids.length / room)
    return Array.from({ length: count }, (_, i) => [...bos, ...ids.slice(i * room, (i + 1) * room)])
  })
  const long = sequences.filter(({ length }) => length >= LEAST_TOKENS)
  if (long.length === 0) {
    throw new PackError('option_invalid', 'the calibration text is too short; give one of some pages')
  }
  return long
}
