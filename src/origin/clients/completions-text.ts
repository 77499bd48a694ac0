import { z } from 'zod'
import { OriginError } from '../errors.ts'
import type { Exchange } from '../exchange.ts'
import type { OriginConfig } from '../origin-config.ts'
import {
  type CompletionRequest,
  firstChoice,
  type OriginChunk,
  type OriginClient,
  type OriginFinish,
} from './client.ts'
import { endingOf } from './ending.ts'
import { openAiSampling } from './sampling.ts'

const chunk = z.object({
  choices: firstChoice(
    z.object({
      text: z.string().nullish(),
      finish_reason: z.string().nullish(),
      delta: z.unknown().optional(),
      message: z.unknown().optional(),
    }),
  ),
  usage: z.object({ completion_tokens: z.int().positive() }).nullish().catch(undefined),
})
type Chunk = z.infer<typeof chunk>

/** Chunks for each token of the limit, and characters: an origin that knows no max_tokens is stopped. */
const MAX_CHUNKS = 2
const MAX_CHARACTERS = 32

/** Origins that refuse stream_options, by their configuration. */
const withoutUsage = new WeakSet<OriginConfig>()

/** OpenAI's /v1/completions with text in and out, for origins whose tokens are not ours: of any kind. */
export async function* completeText(
  client: OriginClient,
  exchange: Exchange,
  request: CompletionRequest,
): AsyncGenerator<OriginChunk, OriginFinish> {
  let finish: OriginFinish | undefined
  let count = 0
  let characters = 0
  let usage: number | undefined
  try {
    for await (const { choices: choice, usage: told } of chunks(client, exchange, request)) {
      usage = told?.completion_tokens ?? usage
      if (!choice) continue
      if (choice.delta || choice.message) {
        throw exchange.error('garbage', 'it answers a chat, where the rest of a text was asked for.')
      }
      if (choice.text) {
        // One chunk is one token at most servers; the usage at the end says how many they were.
        count++
        characters += choice.text.length
        yield { text: choice.text, count: 1 }
      }
      // Text may follow a reason, where every chunk has one.
      if (choice.finish_reason) finish = endingOf(exchange, choice.finish_reason)
      if (count > MAX_CHUNKS * request.maxTokens || characters > MAX_CHARACTERS * request.maxTokens) return 'length'
    }
  } catch (error) {
    // The answer is whole; what failed is the usage after it.
    if (!finish || !(error instanceof OriginError)) throw error
  }
  if (!finish) throw exchange.error('stream_cut', 'the stream ended without a finish_reason.')
  // A count beyond the limit is none of this answer's tokens.
  if (usage !== undefined && usage <= request.maxTokens && usage !== count) yield { text: '', count: usage - count }
  return finish
}

async function* chunks(client: OriginClient, exchange: Exchange, request: CompletionRequest): AsyncGenerator<Chunk> {
  const { config } = exchange
  const fields = body(config.model, client, request)
  let begun = false
  if (!withoutUsage.has(config)) {
    try {
      const asked = { ...fields, stream_options: { include_usage: true } }
      for await (const event of exchange.events('/v1/completions', asked, chunk, false)) {
        begun = true
        yield event
      }
      return
    } catch (error) {
      if (begun || !(error instanceof OriginError) || !refusesUsage(error)) throw error
      withoutUsage.add(config)
    }
  }
  yield* exchange.events('/v1/completions', fields, chunk, false)
}

function refusesUsage({ code, message }: OriginError): boolean {
  return code === 'bad_request' && /stream_options|include_usage/.test(message)
}

function body(model: string, client: OriginClient, request: CompletionRequest) {
  return {
    model,
    prompt: request.text,
    max_tokens: request.maxTokens,
    ...openAiSampling(request.sampling),
    ...client.textFields?.(request),
    stream: true,
  }
}
