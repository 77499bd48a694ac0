import OpenAI, { APIError } from 'openai'
import { isInstalled, type PythonEnvironment, startPython } from './python.ts'

/** One chat completion to ask for. */
export interface Question {
  /** Of the API, as clients want it: it ends in /v1. */
  readonly url: string
  readonly apiKey: string
  readonly maxRetries: number
  readonly body: { readonly model: string; readonly stream?: boolean; readonly [field: string]: unknown }
}

/** What a program that uses the client gets. */
export interface Answer {
  readonly text: string
  readonly usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null
  readonly chunks: number
  readonly error?: undefined
}

/** What is thrown at it. */
export interface Failure {
  readonly error: {
    readonly type: string
    readonly status: number | null
    readonly code: string | null
    readonly message: string
  }
}

/** A client that people use, as it is installed. */
export interface ChatClient {
  readonly name: string
  readonly installed: boolean
  start(): RunningClient
}

export interface RunningClient {
  ask(question: Question): Promise<Answer | Failure>
  stop(): Promise<void>
}

function pythonClient(environment: PythonEnvironment): ChatClient {
  return {
    name: `Python's ${environment}`,
    installed: isInstalled(environment),
    start() {
      const { call, stop } = startPython<Question, Answer | Failure>(environment, 'chat.py')
      return { ask: call, stop }
    },
  }
}

async function askOpenAiNode({ url, apiKey, maxRetries, body }: Question): Promise<Answer> {
  const { completions } = new OpenAI({ baseURL: url, apiKey, maxRetries }).chat
  if (!body.stream) {
    const { choices, usage } = await completions.create(body as never as OpenAI.ChatCompletionCreateParamsNonStreaming)
    return { text: choices[0].message.content!, usage: usage!, chunks: 1 }
  }
  let text = ''
  let usage: Answer['usage'] = null
  let chunks = 0
  for await (const chunk of await completions.create(body as never as OpenAI.ChatCompletionCreateParamsStreaming)) {
    chunks++
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
  }
  return { text, usage, chunks }
}

function failureOf(error: Error): Failure {
  const { status = null, code = null } = error instanceof APIError ? error : {}
  return { error: { type: error.constructor.name, status, code: code ?? null, message: error.message } }
}

const openAiNode: ChatClient = {
  name: 'openai-node',
  installed: true,
  start: () => ({ ask: (question) => askOpenAiNode(question).catch(failureOf), stop: async () => {} }),
}

export const CHAT_CLIENTS: readonly ChatClient[] = [
  openAiNode,
  ...(['openai-1', 'openai-2', 'openai-3', 'litellm'] as const).map(pythonClient),
]
