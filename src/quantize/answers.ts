import type { ChatModel } from '../chat/chat-model.ts'
import { complete } from '../chat/complete.ts'
import type { CalibrationChat } from './calibration-text.ts'

/** The longest period of a loop, in tokens, and how often it must come at the end of an answer. */
const LONGEST_PERIOD = 48
const LEAST_REPEATS = 3
/** What repeats must be this long in all: three dots are no loop. */
const LEAST_LOOP = 24

/** What a model says to a prompt. */
export interface Answer {
  /** Reasoning, content and calls of tools, one behind the other. */
  readonly text: string
  /** The text's tokens. */
  readonly tokens: readonly number[]
  /** Each is a call that parses, of a tool that was offered. */
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[]
  readonly cut: boolean
}

/** How the answers of a model compare with those of its reference to the same prompts. */
export interface AnswerFigures {
  readonly answers: number
  readonly identical: number
  /** Mean share of the reference's tokens that come before the first difference. */
  readonly equalShare: number
  readonly loops: number
  readonly referenceLoops: number
  readonly meanTokens: number
  readonly referenceMeanTokens: number
  /** Of prompts that offer tools: answers that call one of them in a way that parses. */
  readonly toolPrompts: number
  readonly toolAnswers: number
  readonly referenceToolAnswers: number
}

/** Prompts that a model's template has a place for. */
export function answerable(chat: ChatModel, prompts: readonly CalibrationChat[]): CalibrationChat[] {
  return prompts.filter(({ tools }) => tools === undefined || chat.template.takesTools)
}

/** The answers to some prompts, each with its place as seed. */
export async function* answers(
  chat: ChatModel,
  prompts: readonly CalibrationChat[],
  { temperature, maxTokens }: { temperature: number; maxTokens: number },
): AsyncGenerator<Answer> {
  for (const [seed, { messages, tools }] of prompts.entries()) {
    let text = ''
    let cut = false
    const calls = new Map<number, { name: string; arguments: string }>()
    const request = { messages, tools, maxTokens, stop: [], sampling: { temperature, seed } }
    for await (const event of complete(chat, request, new AbortController().signal)) {
      if (event.type === 'reasoning' || event.type === 'content') text += event.text
      else if (event.type === 'toolCall') calls.set(event.index, { name: event.name, arguments: '' })
      else if (event.type === 'toolCallArguments') calls.get(event.index)!.arguments += event.text
      else if (event.type === 'toolCallRevoked') calls.delete(event.index)
      else if (event.type === 'finish') cut = event.reason === 'length'
    }
    const all = [text, ...[...calls.values()].map((call) => `${call.name} ${call.arguments}`)].join('\n').trim()
    const toolCalls = [...calls.values()].filter((call) => isCallOf(call, tools ?? []))
    yield { text: all, tokens: chat.tokenizer.encode(all), toolCalls, cut }
  }
}

function isCallOf(call: { name: string; arguments: string }, tools: readonly unknown[]): boolean {
  const offered = tools.some((tool) => (tool as { function?: { name?: string } }).function?.name === call.name)
  try {
    return offered && typeof JSON.parse(call.arguments) === 'object'
  } catch {
    return false
  }
}

/** Whether an answer ends in the same few tokens over and over. */
export function endsInLoop(tokens: readonly number[]): boolean {
  for (let period = 1; period <= LONGEST_PERIOD; period++) {
    const length = Math.max(LEAST_REPEATS * period, LEAST_LOOP)
    if (length > tokens.length) continue
    const tail = tokens.slice(-length)
    if (tail.every((token, i) => i < period || token === tail[i - period])) return true
  }
  return false
}

export function compareAnswers(
  prompts: readonly CalibrationChat[],
  ours: readonly Answer[],
  theirs: readonly Answer[],
): AnswerFigures {
  const count = (list: readonly Answer[], is: (answer: Answer, index: number) => boolean) => list.filter(is).length
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const offersTools = (_: Answer, i: number) => prompts[i].tools !== undefined
  const calls = (answer: Answer, i: number) => offersTools(answer, i) && answer.toolCalls.length > 0
  return {
    answers: ours.length,
    identical: count(ours, ({ text }, i) => text === theirs[i].text),
    equalShare: mean(ours.map(({ tokens }, i) => sharedPrefix(tokens, theirs[i].tokens))),
    loops: count(ours, ({ tokens }) => endsInLoop(tokens)),
    referenceLoops: count(theirs, ({ tokens }) => endsInLoop(tokens)),
    meanTokens: mean(ours.map(({ tokens }) => tokens.length)),
    referenceMeanTokens: mean(theirs.map(({ tokens }) => tokens.length)),
    toolPrompts: count(ours, offersTools),
    toolAnswers: count(ours, calls),
    referenceToolAnswers: count(theirs, calls),
  }
}

function sharedPrefix(ours: readonly number[], theirs: readonly number[]): number {
  if (theirs.length === 0) return ours.length === 0 ? 1 : 0
  const differs = theirs.findIndex((token, i) => token !== ours[i])
  return (differs < 0 ? theirs.length : differs) / theirs.length
}
