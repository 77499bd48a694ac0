// Answers that move to an origin while a grammar holds them. docs/origins.md says what counts as a handover, as valid and as exact.
import { Ajv } from 'ajv'
import { AnswerParser } from '../../src/chat/answer-parser.ts'
import { AnswerText } from '../../src/chat/answer-text.ts'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { type ChatRequest, complete } from '../../src/chat/complete.ts'
import type { ChatEvent } from '../../src/chat/events.ts'
import { endsInReasoning } from '../../src/chat/tags.ts'
import { GenerationQueue } from '../../src/generate/queue.ts'
import { createRandom } from '../../src/generate/random.ts'
import { relay } from '../../src/generate/relay.ts'
import { NEVER } from '../../src/grammar/expression.ts'
import { remainder } from '../../src/grammar/remainder.ts'
import { schemaExpression } from '../../src/grammar/schema/schema-grammar.ts'
import type { HistoryToken } from '../../src/origin/history.ts'
import type { OriginLog } from '../../src/origin/origin.ts'
import { parseOrigins } from '../../src/origin/origin-config.ts'
import { type Origins, openOrigins } from '../../src/origin/origins.ts'
import { readEdgeLimits } from '../../src/route/limits.ts'
import { startFakeOrigin } from '../../test/origins/fake-origin.ts'
import { heldTokens, wholeTokens } from '../../test/origins/held-origin.ts'
import { startLlamaServer } from '../../test/origins/llama-server.ts'
import { SERVED_MODEL } from '../../test/origins/real-server.ts'
import { loadTaggedChats } from '../../test/origins/tagged-model.ts'
import { FakeModel, fakeChat } from '../../test/support/fake-model.ts'
import { GRAMMAR_CASES, type GrammarCase } from './grammar-cases.ts'

const MAX_TOKENS = 300
/** Tokens after which the edge hands over, at most. */
const MAX_BUDGET = 30
/** Tokens of reasoning, where the template opens it. */
const MAX_REASONING = 16
/** Of the scripted vLLM: how often a token comes that its grammar does not allow. */
const RUDENESS = 0.01
/** What the scripted edge would say. */
const SCRIPTS = [
  '{"name": "Ada Lovelace", "age": 36, "tags": []}',
  '<think>Let me see, {who} is it.</think>\n\n{"city": "Lima"}',
]

const ajv = new Ajv({ strict: false })

/** A request to the origins. */
interface Call {
  readonly promptIds: readonly number[]
  /** Tokens of the answer that the origin was told. */
  readonly told: readonly number[]
  /** The grammar that it was held to; undefined: it went on free. */
  readonly rest: string | undefined
  readonly made: number[]
}

interface Origin {
  readonly kind: 'llama-server' | 'vllm'
  readonly url: string
  stop(): Promise<unknown>
}

/** One row: answers held to grammars, until so many were handed over with one open. */
export async function measureGrammar(name: Origin['kind'], handovers: number, firstSeed = 0) {
  const { chats, origin } = name === 'vllm' ? await scripted() : await real()
  try {
    return await measure(chats, origin, handovers, firstSeed)
  } finally {
    await origin.stop()
  }
}

/** The real llama-server, with the model of the edge. */
async function real() {
  const { gguf, chats } = await loadTaggedChats()
  const { url, stop } = await startLlamaServer({ gguf, isRepeatable: false })
  return { chats, origin: { kind: 'llama-server', url, stop } as const }
}

/** Random tokens in vLLM's dialect, over a real socket, and an edge that reads from a script as far as it may. */
async function scripted() {
  const chats = SCRIPTS.map((script) => fakeChat(new FakeModel(script, 4000)))
  const [{ tokenizer, grammars, eosIds }] = chats
  const [eosId] = eosIds
  const whole = wholeTokens(tokenizer)
  const bytes = (id: number) => tokenizer.bytes(id)
  const { url, stop } = await startFakeOrigin({
    ...{ kind: 'vllm', model: SERVED_MODEL, tokenizer, eosId, next: () => eosId },
    nextFor: heldTokens({ grammars, whole, free: whole, bytes, rudeness: RUDENESS, eosId }, 1),
  })
  return { chats, origin: { kind: 'vllm', url, stop } as const }
}

async function measure(chats: readonly ChatModel[], origin: Origin, handovers: number, firstSeed: number) {
  const random = createRandom(firstSeed)
  const upTo = (max: number) => 1 + Math.floor(random() * max)
  const counts = { answers: 0, handovers: 0, inside: 0, valid: 0, cut: 0, exact: 0, refused: 0, edge: 0, origin: 0 }
  for (let seed = firstSeed; counts.handovers < handovers; seed++) {
    const asked = GRAMMAR_CASES[seed % GRAMMAR_CASES.length]
    // Every case with each template.
    const chat = chats[Math.floor(seed / GRAMMAR_CASES.length) % chats.length]
    const calls: Call[] = []
    const events: ChatEvent[] = []
    const service = {
      origins: recorded(await open(chat, origin, () => counts.refused++), calls),
      limits: { ...readEdgeLimits({}), budgetTokens: upTo(MAX_BUDGET) },
      queue: new GenerationQueue(),
      log: () => {},
    }
    const request: ChatRequest = {
      ...asked.request,
      ...{ messages: [{ role: 'user', content: asked.question }], maxTokens: MAX_TOKENS, stop: [] },
      ...{ sampling: { temperature: 1, seed }, reasoningBudget: upTo(MAX_REASONING) },
    }
    for await (const event of complete(chat, request, new AbortController().signal, service)) events.push(event)
    const { usage, reason } = finishOf(events)
    const cut = reason === 'length'
    const valid = isValid(asked, events, cut)
    const exact = isExact(chat, request, calls, events)
    counts.answers++
    counts.edge += usage.edgeTokens
    counts.origin += usage.originTokens
    const held = calls.filter(({ rest, made }) => rest !== undefined && made.length > 0)
    if (held.length > 0) {
      counts.handovers++
      if (held.some(({ rest }) => rest !== asked.ebnf)) counts.inside++
      if (valid) counts.valid++
      if (cut) counts.cut++
      if (exact) counts.exact++
    }
    if (!valid || !exact) console.error(`\n${seed}, ${asked.name}: ${JSON.stringify({ valid, exact, events, calls })}`)
    process.stderr.write(`\r${origin.kind}: ${counts.handovers} of ${handovers} handovers, ${counts.valid} valid `)
  }
  process.stderr.write('\n')
  return {
    wrong: 2 * counts.handovers - counts.valid - counts.exact,
    row: {
      origin: origin.kind,
      'handovers with a grammar open': counts.handovers,
      'in the middle of it': counts.inside,
      valid: counts.valid,
      'cut by max_tokens': counts.cut,
      exact: counts.exact,
      'tokens refused': counts.refused,
      'tokens of the edge': counts.edge,
      'tokens of the origin': counts.origin,
      answers: counts.answers,
    },
  }
}

function open({ tokenizer }: ChatModel, { kind, url }: Origin, onRefusal: () => void): Promise<Origins> {
  const log: OriginLog = ({ code }) => {
    if (code === 'grammar_broken') onRefusal()
  }
  return openOrigins(parseOrigins([{ name: 'origin', kind, url, model: SERVED_MODEL }], {}), { tokenizer, log })
}

function recorded(origins: Origins, calls: Call[]): Origins {
  const ask = origins.continueAtOrigin.bind(origins)
  origins.continueAtOrigin = (request) => {
    const { history, grammar } = request
    const ids = history.ids()
    const [promptIds, told] = [ids.slice(0, history.promptLength), ids.slice(history.promptLength)]
    const call: Call = { promptIds, told, rest: grammar?.rest('xgrammar'), made: [] }
    calls.push(call)
    return relay(ask(request), (token: HistoryToken) => {
      if ('id' in token) call.made.push(token.id)
      return token
    })
  }
  return origins
}

/** What the schema accepts, or where max_tokens has cut it, the beginning of that. */
function isValid({ schema, parameters = {} }: GrammarCase, events: readonly ChatEvent[], cut: boolean): boolean {
  const content = textOf(events, 'content')
  // A call that is cut before its name is whole is told as the text that it is.
  const isCutCall = cut && content.startsWith('<tool_call>')
  if (!schema && content.trim() !== '' && !isCutCall) return false
  const texts = schema ? [{ schema, text: content }] : argumentsIn(events, parameters)
  if (texts.length === 0) return cut
  return texts.every(({ schema, text }, index) =>
    cut && index === texts.length - 1
      ? remainder(schemaExpression(schema, true), text) !== NEVER
      : ajv.validate(schema, JSON.parse(text)),
  )
}

function argumentsIn(events: readonly ChatEvent[], parameters: Readonly<Record<string, object>>) {
  return events.flatMap((event) =>
    event.type === 'toolCall'
      ? [{ schema: parameters[event.name], text: textOf(events, 'toolCallArguments', event.index) }]
      : [],
  )
}

/**
 * An origin that was held to a grammar was told the tokens of the answer until then, those of earlier such origins as they were made. What the
 * client got is what the last one was told and made; where the edge has gone on, it begins so.
 */
function isExact(
  { tokenizer, tags }: ChatModel,
  { parallelToolCalls = true }: ChatRequest,
  calls: readonly Call[],
  events: readonly ChatEvent[],
): boolean {
  const held = calls.filter(({ rest }) => rest !== undefined)
  const last = held.at(-1)
  if (!last) return true
  const inOrder = held.every(({ told }, index) => {
    const before = index > 0 ? [...held[index - 1].told, ...held[index - 1].made] : []
    return before.every((id, at) => told[at] === id)
  })
  const ids = [...last.told, ...last.made]
  const { usage, reason } = finishOf(events)
  const startsInReasoning = endsInReasoning(last.promptIds, tags, tokenizer)
  const parser = new AnswerParser({ tags, stop: [], parallelToolCalls, startsInReasoning })
  const text = new AnswerText(tokenizer, last.promptIds.at(-1)!)
  const parsed = ids.flatMap((id) => parser.push({ id, text: text.push({ id, logprobs: undefined }) }))
  const isWhole = ids.length === usage.completionTokens
  if (isWhole) parsed.push(...parser.finish(text.flush(), reason === 'length'))
  const isSame = (['reasoning', 'content', 'toolCallArguments'] as const).every((type) => {
    const [got, made] = [textOf(events, type), textOf(parsed, type)]
    return isWhole ? got === made : got.startsWith(made)
  })
  return inOrder && isSame
}

function finishOf(events: readonly ChatEvent[]) {
  return events.find((event) => event.type === 'finish')!
}

function textOf(events: readonly ChatEvent[], type: 'reasoning' | 'content' | 'toolCallArguments', index?: number) {
  return events
    .map((event) => {
      if (event.type !== type) return ''
      return event.type === 'toolCallArguments' && index !== undefined && event.index !== index ? '' : event.text
    })
    .join('')
}
