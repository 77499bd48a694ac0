import { DurableObject } from 'cloudflare:workers'
import plain from '../dist/kernels.plain.wasm'
import relaxed from '../dist/kernels.relaxed.wasm'
import type { ChatModel } from './chat/chat-model.ts'
import { loadChatModel } from './chat/load-chat-model.ts'
import type { LanguageModel } from './generate/language-model.ts'
import { GenerationQueue } from './generate/queue.ts'
import { createApp } from './http/app.ts'
import { isApi, servePage } from './http/pages.ts'
import { ResponseStore } from './http/responses/store.ts'
import type { EdgeModel } from './model/edge-model.ts'
import { loadModel } from './model/load.ts'
import { loadPipeline } from './pipeline/load-pipeline.ts'
import { stagesOf } from './pipeline/stage-bindings.ts'
import type { Plan } from './pipeline/stage-plan.ts'
import { logLine } from './route/journal.ts'
import { readCacheBytes, readSequences } from './route/limits.ts'
import { EdgeService } from './route/open-service.ts'
import type { Manifest } from './weights/manifest.ts'
import { openStore, type WeightBindings } from './weights/open-store.ts'
import type { WeightStore } from './weights/weight-store.ts'

interface Env extends WeightBindings {
  EDGE: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  MODEL: string
  CONTEXT_LENGTH: number
  /** Answers that are computed at the same time, each with a KV cache of its own; where it is not set, as CACHE_MIB has room for, 8 at most. */
  SEQUENCES?: number
  /** MiB that all KV caches may take, to keep what answers have computed; those of SEQUENCES are there in any case. */
  CACHE_MIB?: number
  /** Where the layers and the head are in stages of their own (`nanbeige-edge deploy`). */
  PLAN?: Plan
  /** GPU origins (deploy/origin/README.md). Their keys are secrets, and the EDGE_ variables limits (route/limits.ts). */
  ORIGINS?: string
  /** Who is let in, and whose pages may ask (http/access/access.ts). */
  API_KEYS?: string
  ACCESS?: string
  ALLOWED_ORIGINS?: string
}

/** A pipeline also counts how often it computed a session anew. */
type Language = LanguageModel &
  Pick<EdgeModel, 'caches' | 'tokensComputed' | 'reused'> & { readonly recoveries?: number }
type EdgeChat = ChatModel & { readonly language: Language }

const modules = { relaxed, plain }
// Read and compiled when a grammar is first asked for.
const xgrammar = async () => (await import('../dist/xgrammar.wasm')).default

/** The model behind the API: all of it in this isolate, or the session that drives its stages. */
export class Edge extends DurableObject<Env> {
  #loading: Promise<EdgeChat> | undefined
  #chat: EdgeChat | undefined
  #failure: string | undefined
  readonly #queue = new GenerationQueue()
  readonly #service = new EdgeService({ ...this.env }, this.#queue)
  readonly #store = new ResponseStore(this.ctx.storage.sql, (at) => this.ctx.storage.setAlarm(at))
  readonly #app = createApp({
    model: () => this.#load(),
    health: () => this.#health(),
    service: (chat) => this.#service.open(chat.tokenizer),
    store: this.#store,
    log: logLine,
    access: {
      apiKeys: this.env.API_KEYS,
      access: this.env.ACCESS,
      allowedOrigins: this.env.ALLOWED_ORIGINS,
      sql: this.ctx.storage.sql,
    },
  })

  override fetch(request: Request): Response | Promise<Response> {
    return this.#app.fetch(request)
  }

  /** What was stored has its time, whether or not anybody asks again. */
  alarm(): void {
    this.#store.sweep()
  }

  /** A failed load is tried again by the next request. */
  #load(): Promise<EdgeChat> {
    this.#loading ??= this.#loadOnce()
    return this.#loading
  }

  async #loadOnce(): Promise<EdgeChat> {
    try {
      const store = openStore(this.env, this.env.MODEL)
      const chat = await loadChatModel(store, (manifest) => this.#language(store, manifest), xgrammar)
      // No more answers at a time than there are KV caches; others wait.
      const { PLAN, SEQUENCES } = this.env
      this.#queue.turns = PLAN?.sessions ?? readSequences(SEQUENCES, chat.language.caches)
      this.#chat = chat
      this.#failure = undefined
      return this.#chat
    } catch (error) {
      this.#failure = String(error)
      throw error
    } finally {
      if (this.#chat === undefined) this.#loading = undefined
    }
  }

  #language(store: WeightStore, manifest: Manifest): Promise<Language> {
    const { PLAN, CONTEXT_LENGTH, SEQUENCES, CACHE_MIB } = this.env
    return PLAN
      ? loadPipeline(store, manifest, PLAN, stagesOf(this.env as never, PLAN), modules)
      : loadModel(store, manifest, modules, {
          contextLength: CONTEXT_LENGTH,
          sequences: readSequences(SEQUENCES, 1),
          cacheBytes: readCacheBytes(CACHE_MIB),
        })
  }

  #health() {
    const { error = this.#failure, ...service } = this.#service.health()
    return {
      status: error === undefined ? 'ok' : 'error',
      model: this.env.MODEL,
      weights: this.#chat ? 'loaded' : this.#loading ? 'loading' : 'not loaded',
      ...(error !== undefined && { error }),
      tokensComputed: this.#chat?.language.tokensComputed ?? 0,
      reused: this.#chat?.language.reused,
      recoveries: this.#chat?.language.recoveries,
      ...service,
    }
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const edge = env.EDGE.getByName('edge')
    return isApi(request) ? edge.fetch(request) : servePage(request, env, (missing) => edge.fetch(missing))
  },
}
