import { DurableObject } from 'cloudflare:workers'
import plain from '../dist/kernels.plain.wasm'
import relaxed from '../dist/kernels.relaxed.wasm'
import { loadChatModel } from './chat/load-chat-model.ts'
import { createApp } from './http/app.ts'
import { type AssetFetcher, assetsStore } from './weights/assets-store.ts'

interface Env {
  ASSETS: AssetFetcher
  EDGE: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  MODEL: string
  CONTEXT_LENGTH: number
}

type EdgeChat = Awaited<ReturnType<typeof loadChatModel>>

/** The whole model in one isolate, behind the API. */
export class Edge extends DurableObject<Env> {
  #loading: Promise<EdgeChat> | undefined
  #chat: EdgeChat | undefined
  #failure: string | undefined
  readonly #app = createApp({ model: () => this.#load(), health: () => this.#health() })

  override fetch(request: Request): Response | Promise<Response> {
    return this.#app.fetch(request)
  }

  /** A failed load is tried again by the next request. */
  #load(): Promise<EdgeChat> {
    this.#loading ??= this.#loadOnce()
    return this.#loading
  }

  async #loadOnce(): Promise<EdgeChat> {
    try {
      const store = assetsStore(this.env.ASSETS, `/weights/${this.env.MODEL}`)
      this.#chat = await loadChatModel(store, { relaxed, plain }, this.env.CONTEXT_LENGTH)
      this.#failure = undefined
      return this.#chat
    } catch (error) {
      this.#failure = String(error)
      throw error
    } finally {
      if (this.#chat === undefined) this.#loading = undefined
    }
  }

  #health() {
    return {
      status: this.#failure === undefined ? 'ok' : 'error',
      model: this.env.MODEL,
      weights: this.#chat ? 'loaded' : this.#loading ? 'loading' : 'not loaded',
      ...(this.#failure !== undefined && { error: this.#failure }),
      tokensComputed: this.#chat?.language.tokensComputed ?? 0,
    }
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return env.EDGE.getByName('edge').fetch(request)
  },
}
