import { constraintGrammar } from '../grammar/answer-ebnf.ts'
import type { Constraint } from '../grammar/constraint.ts'
import { GrammarError } from '../grammar/grammar-error.ts'
import type { GrammarSource } from '../grammar/grammar-source.ts'
import type { Grammar } from '../grammar/matcher.ts'
import {
  type CallableTool,
  callableTool,
  callGrammar,
  spelledCallsGrammar,
  ToolSchemaError,
} from '../grammar/tool-calls.ts'
import type { ToolChoice } from '../grammar/tool-choice.ts'
import type { ChatModel } from './chat-model.ts'
import type { AnswerRequest, ChatRequest } from './complete.ts'
import { ChatRequestError } from './errors.ts'
import { spelledCallTags } from './tags.ts'

/** The fields behind each kind of constraint. */
const PARAMS: Record<Constraint['kind'], string> = {
  json: 'response_format',
  schema: 'response_format',
  regex: 'structured_outputs.regex',
  choice: 'structured_outputs.choice',
  ebnf: 'structured_outputs.grammar',
}

/** What an answer is held to, compiled: several answers to one request share it. */
export interface AnswerGrammars {
  /** What the content has to be; undefined: anything, or where there must be a call, nothing. */
  readonly content: Grammar | undefined
  /** What stands in a tool call; undefined: there is none. */
  readonly call: Grammar | undefined
  /** There must be a call. */
  readonly mustCall: boolean
  dispose(): void
}

/** Compiles what holds an answer; undefined where nothing does. Throws ChatRequestError. */
export async function compileAnswerGrammars(
  { grammars, tags }: Pick<ChatModel, 'grammars' | 'tags'>,
  request: AnswerRequest,
): Promise<AnswerGrammars | undefined> {
  const { constraint, constraintParam } = request
  const { tools = [], toolChoice = 'auto' }: Tools = 'messages' in request ? request : {}
  const mustCall = toolChoice === 'required' || (typeof toolChoice === 'object' && toolChoice.required)
  // Who has no tokens for a call is new to them: each is held.
  const isSpelled = tools.length > 0 && spelledCallTags(tags).length > 0
  const isChosen = tools.length > 0 && (toolChoice !== 'auto' || tools.some(isStrict))
  if (!constraint && !mustCall && !isChosen && !isSpelled) return undefined
  const callable = callableTools(tools, toolChoice)
  const compile = (source: () => GrammarSource, param: string) =>
    compiled(async () => grammars.compile(source()), param)
  if (isSpelled && (mustCall || !constraint)) {
    const parallel = !('messages' in request) || (request.parallelToolCalls ?? true)
    const content = await compile(() => spelledCallsGrammar(callable, mustCall, parallel), 'tools')
    return { content, call: undefined, mustCall, dispose: () => content.dispose() }
  }
  const hasCalls = callable.length > 0 && !isSpelled
  const call = hasCalls ? await compile(() => callGrammar(callable, mustCall), 'tools') : undefined
  try {
    const param = constraint && (constraintParam ?? PARAMS[constraint.kind])
    const content = constraint && !mustCall ? await compile(() => constraintGrammar(constraint), param!) : undefined
    return {
      content,
      call,
      mustCall,
      dispose() {
        call?.dispose()
        content?.dispose()
      },
    }
  } catch (error) {
    call?.dispose()
    throw error
  }
}

type Tools = Pick<ChatRequest, 'tools' | 'toolChoice'>

function isStrict(tool: unknown, index: number): boolean {
  return callableTool(tool, index)?.isStrict === true
}

/** The tools that may be called. Throws ChatRequestError. */
function callableTools(tools: readonly unknown[], toolChoice: ToolChoice): CallableTool[] {
  const all = tools.map(callableTool).filter((tool) => tool !== undefined)
  const names = typeof toolChoice === 'object' ? toolChoice.names : undefined
  const unknown = names?.find((name) => all.every((tool) => tool.name !== name))
  if (unknown !== undefined || (toolChoice !== 'auto' && all.length === 0)) {
    throw new ChatRequestError(
      'invalid_tool_choice',
      unknown === undefined
        ? 'A tool has to be called, but tools has no function: add one, or set tool_choice to auto.'
        : `tool_choice names ${JSON.stringify(unknown)}, which is not in tools.`,
      'tool_choice',
    )
  }
  return names ? all.filter(({ name }) => names.includes(name)) : all
}

/** Throws ChatRequestError. */
async function compiled<T>(compile: () => Promise<T>, param: string): Promise<T> {
  try {
    return await compile()
  } catch (error) {
    if (error instanceof ToolSchemaError) throw refused(error.code, error.message, error.param, error)
    if (error instanceof GrammarError) throw refused(error.code, error.message, param, error)
    throw error
  }
}

function refused(code: string, message: string, param: string, cause: Error): ChatRequestError {
  return new ChatRequestError(code, `${param}: ${message}`, param, { cause })
}
