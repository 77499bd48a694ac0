import { generate } from '../../src/generate/generate.ts'
import type { LanguageModel } from '../../src/generate/language-model.ts'
import { greedy } from '../edge/model-workload.ts'

/** An answer of `tokens` tokens behind one more token of the prompt: one line a token, sent when it is made. */
export function tokenLines(model: LanguageModel, { tokens }: { readonly tokens: number }): Response {
  const made = generate(model, greedy([1], tokens))
  const lines = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await made.next()
      if (done) controller.close()
      else controller.enqueue(new TextEncoder().encode(`${value.id}\n`))
    },
  })
  // As anything else, Miniflare would compress the lines for fetch, and hold them back.
  return new Response(lines, { headers: { 'Content-Type': 'text/event-stream' } })
}
