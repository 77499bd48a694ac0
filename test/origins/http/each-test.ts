import { afterEach, beforeEach, vi } from 'vitest'
import { type App, HELLO, post } from '../../support/fake-app.ts'
import type { FakeOrigin } from '../fake-origin.ts'
import { startScriptedOrigin } from '../origin-app.ts'

interface Completion {
  choices: { message: Record<string, unknown>; finish_reason: string; logprobs: { content: { logprob: number }[] } }[]
  usage: {
    prompt_tokens: number
    completion_tokens: number
    completion_tokens_details: { reasoning_tokens: number }
    nanbeige: { route: string; reason: string; edge_tokens: number; origin_tokens: number }
  }
}

/** Thoughts that do not go round in circles. */
export function thoughts(count: number): string {
  const words = ['Hm', 'grüße', '好的', '😀']
  return Array.from({ length: count }, (_, index) => `${words[index % 4]} ${(index * index * 7919) % 10_007}. `).join(
    '',
  )
}

/** An answer that outlasts the budget of HAND_OVER, and its tokens. */
export const LONG = `<think>\n${thoughts(25)}\n</think>\n\n${'It is so. '.repeat(12)}`
export const LENGTH = new TextEncoder().encode(LONG).length - '<think></think>'.length + 2
export const HAND_OVER = { EDGE_BUDGET_TOKENS: 20 }

/** For the tests of a file: origins, which are stopped after each test, and the lines of the Worker's log during it. */
export function eachTest() {
  const stops: (() => Promise<void>)[] = []
  const lines: string[] = []
  beforeEach(() => {
    lines.length = 0
    vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line))
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    for (const stop of stops.splice(0)) await stop()
  })
  async function originOf(...args: Parameters<typeof startScriptedOrigin>): Promise<FakeOrigin> {
    const origin = await startScriptedOrigin(...args)
    stops.push(() => origin.stop())
    return origin
  }
  return { stops, lines, originOf }
}

export async function ask(app: App, body: object = {}, init: RequestInit = {}) {
  const response = await post(app, { ...HELLO, ...body }, init)
  const completion = (await response.json()) as Completion
  return { status: response.status, route: response.headers.get('x-nanbeige-route'), ...completion }
}

/** What two messages must have in common: everything but the ids of tool calls. */
export function message({ choices: [{ message, finish_reason }] }: Completion) {
  const calls = message.tool_calls as { function: object }[] | undefined
  return { ...message, tool_calls: calls?.map((call) => call.function), finish_reason }
}
