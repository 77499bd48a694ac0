import type { ChatEvent } from '../chat/events.ts'

export type FinishEvent = Extract<ChatEvent, { type: 'finish' }>

/** OpenAI's usage of the answers to some prompts, `each` of every one in their order: a prompt counts once. */
export function usageObject(finishes: readonly FinishEvent[], each = 1) {
  const firsts = finishes.filter((_, answer) => answer % each === 0)
  const promptTokens = sum(firsts, ({ usage }) => usage.promptTokens)
  const completionTokens = sum(finishes, ({ usage }) => usage.completionTokens)
  const { route, reason } = finishes[0].route
  const rescued = finishes.findLast(({ usage }) => usage.rescued)?.usage.rescued
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: sum(firsts, ({ usage }) => usage.cachedTokens) },
    completion_tokens_details: { reasoning_tokens: sum(finishes, ({ usage }) => usage.reasoningTokens) },
    nanbeige: {
      route,
      reason,
      edge_tokens: sum(finishes, ({ usage }) => usage.edgeTokens),
      origin_tokens: sum(finishes, ({ usage }) => usage.originTokens),
      ...(rescued && { rescued }),
    },
  }
}

/** llama-server's timings: of all prompts that were computed, and all that was made of them. */
export function timingsObject(finishes: readonly FinishEvent[]) {
  const cached = sum(finishes, ({ usage }) => usage.cachedTokens)
  const prompt = sum(finishes, ({ usage }) => usage.promptTokens) - cached
  const predicted = sum(finishes, ({ usage }) => usage.completionTokens)
  const promptMs = sum(finishes, ({ timings }) => timings.promptMs)
  const predictedMs = sum(finishes, ({ timings }) => timings.predictedMs)
  return {
    cache_n: cached,
    prompt_n: prompt,
    prompt_ms: promptMs,
    prompt_per_token_ms: ratio(promptMs, prompt),
    prompt_per_second: ratio(1000 * prompt, promptMs),
    predicted_n: predicted,
    predicted_ms: predictedMs,
    predicted_per_token_ms: ratio(predictedMs, predicted),
    predicted_per_second: ratio(1000 * predicted, predictedMs),
  }
}

/** null, as llama-server's JSON has it, where there is nothing to divide by. */
function ratio(value: number, by: number): number | null {
  return by > 0 ? value / by : null
}

function sum(finishes: readonly FinishEvent[], of: (finish: FinishEvent) => number): number {
  return finishes.reduce((total, finish) => total + of(finish), 0)
}
