import { ChatTemplateSyntaxError } from '../chat/errors.ts'
import type { ChatMessage } from '../chat/messages.ts'
import { ChatTemplate } from '../chat/template.ts'
import type { Manifest } from '../weights/manifest.ts'
import type { ModelSource } from './model-source.ts'
import { PackError } from './pack-error.ts'
import type { AddedToken } from './tokenizer/spec.ts'

/** What a pack may have in place of what the files of its model say. */
export interface ChatOptions {
  /** Jinja source. */
  readonly chatTemplate?: string
  /** Tokens that end an answer, and the only ones: ids, or the texts of added tokens. */
  readonly eos?: readonly string[]
}

/** The template of a pack, which renders a chat, and its tokens, those that the template ends turns with among the ends. Throws PackError. */
export function packedChat(source: ModelSource, options: ChatOptions): Pick<Manifest, 'chatTemplate' | 'tokens'> {
  const chatTemplate = options.chatTemplate ?? source.chatTemplate
  const { added } = source.tokenizer
  if (chatTemplate.trim() === '') {
    throw new PackError(
      'template_missing',
      `${source.name}: no chat template; give one with --chat-template FILE (weights/README.md has one for base models)`,
    )
  }
  const render = renderer(chatTemplate, source.tokens, added)
  try {
    checkTemplate(render)
  } catch (error) {
    const cause = error instanceof ChatTemplateSyntaxError ? (error.cause as Error) : (error as Error)
    throw new PackError(
      'template_invalid',
      `${source.name}: the chat template is broken (${cause.message}); give another with --chat-template FILE`,
    )
  }
  const found = [...source.tokens.eos, ...turnEndsOf(chatTemplate, render, added).map(({ id }) => id)]
  const eos = [...new Set(options.eos === undefined ? found : chosenEnds(options.eos, source))]
  if (eos.length === 0) {
    throw new PackError('metadata_invalid', `${source.name}: no token is known to end an answer; name it with --eos`)
  }
  return { chatTemplate, tokens: { ...source.tokens, eos } }
}

type Render = (messages: readonly ChatMessage[], addGenerationPrompt: boolean) => string

function renderer(source: string, { bos, eos }: Manifest['tokens'], added: readonly AddedToken[]): Render {
  const text = (id: number | null | undefined) => added.find((token) => token.id === id)?.text ?? ''
  let template: ChatTemplate | undefined
  return (messages, addGenerationPrompt) => {
    template ??= new ChatTemplate(source, { bosToken: text(bos), eosToken: text(eos[0]) })
    return template.render(messages, { addGenerationPrompt })
  }
}

const QUESTION = 'question-of-the-user'
const ANSWER = 'answer-of-the-assistant'
const REPLY = 'reply-of-the-user'
const turn: readonly ChatMessage[] = [
  { role: 'user', content: QUESTION },
  { role: 'assistant', content: ANSWER },
]

/** Throws where a chat cannot be rendered, or where what was said in it does not come out. */
function checkTemplate(render: Render): void {
  const prompt = render([...turn, { role: 'user', content: REPLY }], true)
  for (const { content } of [...turn, { content: REPLY }]) {
    if (!prompt.includes(content as string))
      throw new Error(`it leaves out the ${String(content).replaceAll('-', ' ')}`)
  }
}

/** Texts that end a turn in the templates of known models. Source: the end-of-generation tokens of llama.cpp, src/llama-vocab.cpp. */
const KNOWN_ENDS = new Set([
  '<|im_end|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|end_of_turn|>',
  '<end_of_turn>',
  '<end_of_utterance>',
  '<EOT>',
  '[EOT]',
  '[EOS]',
  '<eos>',
  '</s>',
])

/** The added tokens that the template of a pack ends the assistant's turns with. */
export function turnEnds({ chatTemplate, tokens }: Manifest, added: readonly AddedToken[]): AddedToken[] {
  return turnEndsOf(chatTemplate, renderer(chatTemplate, tokens, added), added)
}

/** Those seen behind an answer, and those known as ends that the template names. */
function turnEndsOf(source: string, render: Render, added: readonly AddedToken[]): AddedToken[] {
  const known = added.filter(({ text }) => KNOWN_ENDS.has(text) && source.includes(text))
  const seen = tokenBehindAnswer(render, added)
  return seen === undefined || known.includes(seen) ? known : [seen, ...known]
}

function tokenBehindAnswer(render: Render, added: readonly AddedToken[]): AddedToken | undefined {
  let chat: string
  try {
    chat = render(turn, false)
  } catch {
    // Some templates want the user to have the last word; one that is broken shows nothing.
    return undefined
  }
  const at = chat.lastIndexOf(ANSWER)
  const behind = chat.slice(at + ANSWER.length).trimStart()
  const [found] = added
    .filter(({ text }) => text !== '' && behind.startsWith(text))
    .toSorted((a, b) => b.text.length - a.text.length)
  return found === undefined || opensTurn(found.text, chat.slice(0, at)) ? undefined : found
}

/** Whether a token opens turns, which some templates do behind every answer: it names a role, or the assistant's turn began with it and its role. */
function opensTurn(token: string, before: string): boolean {
  const [, head] = before.match(/^(.*?)\s*(?:assistant|model)\s*$/s) ?? []
  return /assistant|user|model/i.test(token) || (head?.endsWith(token) ?? false)
}

function chosenEnds(chosen: readonly string[], { tokenizer, config }: ModelSource): number[] {
  return chosen.map((token) => {
    const id = tokenizer.added.find(({ text }) => text === token)?.id ?? (/^\d+$/.test(token) ? Number(token) : -1)
    if (id >= 0 && id < config.vocabSize) return id
    throw new PackError(
      'option_invalid',
      `--eos: "${token}" is neither an added token of the tokenizer nor an id below ${config.vocabSize}`,
    )
  })
}
