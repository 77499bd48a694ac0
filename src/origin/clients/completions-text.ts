import { z } from 'zod'
import { OriginError } from '../errors.ts'
import type { OriginKind } from '../origin-config.ts'
import type { OriginChunk, OriginClient, OriginFinish } from './client.ts'
import { extendedSampling, openAiSampling } from './openai-sampling.ts'

const chunk = z.object({
  choices: z.array(z.object({ text: z.string(), finish_reason: z.string().nullish() })),
  usage: z.object({ completion_tokens: z.int().nonnegative() }).nullish(),
})

/** OpenAI's /v1/completions with text in and out, for origins whose tokens are not ours. */
export const completionsText: OriginClient = {
  takes: 'text',

  async *complete(exchange, request): AsyncGenerator<OriginChunk, OriginFinish> {
    const body = {
      model: exchange.config.model,
      prompt: request.text,
      max_tokens: request.maxTokens,
      ...openAiSampling(request.sampling),
      ...(takesExtendedSampling(exchange.config.kind) && extendedSampling(request.sampling)),
      stream: true,
      stream_options: { include_usage: true },
    }
    let finish: OriginFinish | undefined
    let count = 0
    let usage: number | undefined
    try {
      for await (const event of exchange.events('/v1/completions', body, false)) {
        const { success, data } = chunk.safeParse(event)
        if (!success) throw exchange.error('garbage', 'an event of the stream is no completion chunk.')
        usage = data.usage?.completion_tokens ?? usage
        const [choice] = data.choices
        if (!choice) continue
        if (choice.text) {
          // One chunk is one token at most servers; the usage at the end says how many they were.
          count++
          yield { text: choice.text, count: 1 }
        }
        if (choice.finish_reason) finish = choice.finish_reason === 'length' ? 'length' : 'stop'
      }
    } catch (error) {
      // The answer is whole; what failed is the usage after it.
      if (!finish || !(error instanceof OriginError)) throw error
    }
    if (!finish) throw exchange.error('stream_cut', 'the stream ended before the answer.')
    if (usage !== undefined && usage !== count) yield { text: '', count: usage - count }
    return finish
  },
}

/** Whether /v1/completions of this kind knows top_k, min_p and repetition_penalty. */
export function takesExtendedSampling(kind: OriginKind): boolean {
  return kind === 'vllm' || kind === 'sglang'
}
