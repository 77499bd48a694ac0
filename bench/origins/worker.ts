import { DurableObject } from 'cloudflare:workers'
import plain from '../../dist/kernels.plain.wasm'
import relaxed from '../../dist/kernels.relaxed.wasm'
import type { ChatModel } from '../../src/chat/chat-model.ts'
import { loadChatModel } from '../../src/chat/load-chat-model.ts'
import { samplingParams } from '../../src/chat/sampling.ts'
import { generate } from '../../src/generate/generate.ts'
import { ATTENTIVE, GenerationQueue } from '../../src/generate/queue.ts'
import { createApp } from '../../src/http/app.ts'
import { loadModel } from '../../src/model/load.ts'
import { EdgeService } from '../../src/route/open-service.ts'
import { openStore, type WeightBindings } from '../../src/weights/open-store.ts'
import { slowModel } from '../../test/origins/slow-model.ts'
import type { EdgeRequest, Generated } from './edge.ts'
import { BUDGET_HEADER } from './edge.ts'

const xgrammar = async () => (await import('../../dist/xgrammar.wasm')).default

interface Env extends WeightBindings {
  readonly BENCH: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  readonly EDGE_INTERVAL_MS: string
}

/** What the product writes into its log, until somebody reads it. */
const lines: unknown[] = []
console.log = (line: string) => lines.push(JSON.parse(line))

/**
 * The API with the embedded model made slow. POST /origins takes a new variable ORIGINS, with circuits that never opened; GET /log
 * reads the log; POST /edge is the edge alone, at its full speed. A header of a completion has its budget.
 */
export class Bench extends DurableObject<Env> {
  readonly #queue = new GenerationQueue()
  #service = new EdgeService({}, this.#queue)
  #loading: Promise<{ fast: ChatModel; slow: ChatModel }> | undefined

  override async fetch(request: Request): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case '/origins':
        this.#service = new EdgeService({ ORIGINS: await request.text() }, this.#queue)
        return new Response()
      case '/log':
        return Response.json(lines.splice(0))
      case '/edge':
        return Response.json(await this.#generate(await request.json()))
      default:
        return this.#app(Number(request.headers.get(BUDGET_HEADER))).fetch(request)
    }
  }

  #app(budgetTokens: number) {
    const service = this.#service
    return createApp({
      model: async () => (await this.#load()).slow,
      health: () => service.health(),
      service: async (chat) => {
        const opened = await service.open(chat.tokenizer)
        return { ...opened, limits: { ...opened.limits, budgetTokens } }
      },
    })
  }

  async #generate({ messages, generatedIds, maxTokens, bannedIds }: EdgeRequest): Promise<Generated> {
    const { fast } = await this.#load()
    const promptIds = fast.tokenizer.encode(fast.template.render(messages, { addGenerationPrompt: true }))
    const logitBias = new Map(bannedIds.map((id) => [id, -100]))
    const { signal } = new AbortController()
    const place = this.#queue.enter(ATTENTIVE, signal)
    try {
      await place.turn
      const tokens = generate(fast.language, {
        promptIds,
        generatedIds,
        maxTokens,
        sampling: samplingParams({ temperature: 0, logitBias }, fast.defaults),
        eosIds: fast.eosIds,
        topLogprobs: undefined,
        signal,
      })
      const ids: number[] = []
      for (;;) {
        const step = await tokens.next()
        if (step.done) return { promptIds, ids, end: step.value }
        ids.push(step.value.id)
      }
    } finally {
      place.leave()
    }
  }

  #load() {
    this.#loading ??= this.#loadOnce()
    return this.#loading
  }

  async #loadOnce() {
    const store = openStore(this.env, 'smollm2-135m-instruct')
    const fast = await loadChatModel(
      store,
      (manifest) => loadModel(store, manifest, { relaxed, plain }, { contextLength: 2048, sequences: 1 }),
      xgrammar,
    )
    const slow = { ...fast, language: slowModel(fast.language, Number(this.env.EDGE_INTERVAL_MS)) }
    return { fast, slow }
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return env.BENCH.getByName('bench').fetch(request)
  },
}
