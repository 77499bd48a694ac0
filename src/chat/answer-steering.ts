import type { StopRules } from '../generate/types.ts'
import type { EdgeStretches } from '../route/edge-stretch.ts'
import type { AnswerSteering } from '../route/handover.ts'
import type { AnswerGrammar } from './answer-grammar.ts'
import type { AnswerParser } from './answer-parser.ts'
import type { ChatModel } from './chat-model.ts'
import type { AnswerRequest, ChatRequest } from './complete.ts'
import { GrammarAtOrigin } from './grammar-at-origin.ts'
import type { LoopRescue } from './loop-rescue.ts'
import { ReasoningBudget } from './reasoning-budget.ts'
import { idOf, type Tag, type Tags } from './tags.ts'

/** After these a grammar may open or end. */
const GRAMMAR_TAGS: readonly Tag[] = ['</think>', '<tool_call>', '</tool_call>']

/** Whoever sets how long a text gets, and whoever has one go on as it is, wants all of it. */
export function mayLoop(request: AnswerRequest, { ignoreEos, minTokens }: StopRules): boolean {
  return 'prompt' in request || ignoreEos || minTokens > 0
}

/** Of a text that goes on no tag counts. */
export function mayThink(tags: Tags, request: AnswerRequest): request is ChatRequest {
  return 'messages' in request && idOf(tags, '<think>') !== undefined
}

/** What the request allows; at the edge also what the edge can, so that an answer follows. */
export function reasoningBudget(
  { tags, tokenizer }: ChatModel,
  request: AnswerRequest,
  answer: AnswerParser,
  edge: EdgeStretches,
  edgeTokens: number,
) {
  if (!mayThink(tags, request)) return undefined
  const { reasoningBudget, continueFinalMessage = false } = request
  const limit = () =>
    reasoningBudget === undefined
      ? edge.reasoningLimit(edgeTokens)
      : Math.min(reasoningBudget, edge.reasoningLimit(Number.POSITIVE_INFINITY))
  return new ReasoningBudget(limit, answer, tokenizer, !continueFinalMessage)
}

/** What a budget forces, what a grammar leaves, and what a loop asks for, at the edge and at an origin. */
export function answerSteering(
  budget: ReasoningBudget | undefined,
  grammar: AnswerGrammar | undefined,
  loops: LoopRescue | undefined,
  { tokenizer, eosIds }: ChatModel,
): AnswerSteering {
  const free = {
    forced: () => budget?.forced() ?? [],
    banned: () => budget?.banned() ?? [],
    hurried: budget?.hurried,
    leavesEdge: () => loops?.leavesEdge ?? false,
  }
  if (!grammar) return free
  const atOrigin = new GrammarAtOrigin(grammar, tokenizer, eosIds)
  return {
    ...free,
    ended: () => grammar.ended(),
    allowed: () => grammar.allowed(),
    grammar: () => atOrigin.open(),
    allowsText: (text) => atOrigin.allowsText(text),
    forcedAtOrigin: (ended) => atOrigin.forced(ended),
    grammarTags: GRAMMAR_TAGS,
  }
}
