import readModule from '../../dist/bench-read.wasm'
import plain from '../../dist/kernels.plain.wasm'
import relaxed from '../../dist/kernels.relaxed.wasm'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { loadChatModel } from '../../src/chat/load-chat-model.ts'
import { generate } from '../../src/generate/generate.ts'
import { loadModel } from '../../src/model/load.ts'
import { openStore, type WeightBindings } from '../../src/weights/open-store.ts'
import { AttentionWorkload } from './attention-workload.ts'
import { KernelWorkload } from './kernel-workload.ts'
import { greedy, prefill, scoreText } from './model-workload.ts'

const xgrammar = async () => (await import('../../dist/xgrammar.wasm')).default

// What the benchmarks time inside workerd. Its clock stands still while it computes, so the caller holds the watch.
let kernels: KernelWorkload | undefined
let attention: AttentionWorkload | undefined
let chat: ChatModel | undefined

export default {
  async fetch(request: Request, env: WeightBindings): Promise<Response> {
    const body = (await request.json()) as never
    switch (new URL(request.url).pathname) {
      case '/kernels/load':
        kernels = await KernelWorkload.create({ relaxed, plain }, readModule)
        return Response.json({})
      case '/kernels/read':
        return Response.json({ bytes: kernels!.read() })
      case '/kernels/run':
        kernels!.run(body)
        return Response.json({})
      case '/attention/load':
        kernels = undefined
        attention = await AttentionWorkload.create({ relaxed, plain })
        return Response.json({})
      case '/attention/run':
        attention!.run(body)
        return Response.json({})
      case '/model/load': {
        attention = undefined
        const store = openStore(env, 'smollm2-135m-instruct')
        chat = await loadChatModel(
          store,
          (manifest) => loadModel(store, manifest, { relaxed, plain }, { contextLength: 2048, sequences: 1 }),
          xgrammar,
        )
        return Response.json({})
      }
      case '/model/prefill':
        await prefill(chat!.language, body)
        return Response.json({})
      case '/model/generate':
        // As anything else, Miniflare would compress the lines for fetch, and hold them back.
        return new Response(tokenLines(chat!, body), { headers: { 'Content-Type': 'text/event-stream' } })
      case '/model/score':
        return Response.json(await scoreText(chat!.language, body))
      default:
        return new Response(null, { status: 404 })
    }
  },
}

/** One line a token, sent when it is made. */
function tokenLines(model: ChatModel, body: { prompt: number[]; tokens: number }): ReadableStream<Uint8Array> {
  const tokens = generate(model.language, greedy(body.prompt, body.tokens))
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await tokens.next()
      if (done) controller.close()
      else controller.enqueue(new TextEncoder().encode(`${value.id}\n`))
    },
  })
}
