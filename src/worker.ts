import { DurableObject } from 'cloudflare:workers'
import plain from '../dist/kernels.plain.wasm'
import relaxed from '../dist/kernels.relaxed.wasm'
import type { ChatModel } from './chat/chat-model.ts'
import { loadChatModel } from './chat/load-chat-model.ts'
import { createApp } from './http/app.ts'
import { type AssetFetcher, assetsStore } from './weights/assets-store.ts'

interface Env {
  ASSETS: AssetFetcher
  EDGE: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  MODEL: string
  CONTEXT_LENGTH: number
}

/** The whole model in one isolate, behind the API. */
export class Edge extends DurableObject<Env> {
  #model: Promise<ChatModel> | undefined
  #status: 'cold' | 'loading' | 'ready' | 'failed' = 'cold'
  readonly #app = createApp({
    model: () => this.#load(),
    health: () => ({
      status: this.#status === 'failed' ? 'error' : 'ok',
      model: this.env.MODEL,
      weights: this.#status,
    }),
  })

  override fetch(request: Request): Response | Promise<Response> {
    return this.#app.fetch(request)
  }

  /** A failed load is tried again by the next request. */
  #load(): Promise<ChatModel> {
    this.#model ??= this.#loadOnce().catch((error: unknown) => {
      this.#model = undefined
      this.#status = 'failed'
      throw error
    })
    return this.#model
  }

  async #loadOnce(): Promise<ChatModel> {
    this.#status = 'loading'
    const store = assetsStore(this.env.ASSETS, `/weights/${this.env.MODEL}`)
    const model = await loadChatModel(store, { relaxed, plain }, this.env.CONTEXT_LENGTH)
    this.#status = 'ready'
    return model
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return env.EDGE.getByName('edge').fetch(request)
  },
}
