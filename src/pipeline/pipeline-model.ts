import type { Distribution, DistributionQuery, TokenMask } from '../generate/distribution.ts'
import { type Beginning, KeptCaches, type KeptSequence } from '../generate/kept-caches.ts'
import type { LanguageModel } from '../generate/language-model.ts'
import { turn } from '../generate/turn.ts'
import type { ModelConfig } from '../weights/manifest.ts'
import { freeVectors } from './free-vectors.ts'
import { mergeSlices } from './merged-distribution.ts'
import { prefill } from './prefill.ts'
import { recover } from './recover.ts'
import type { StageClient } from './stage-client.ts'
import type { HeadPlan, Plan } from './stage-plan.ts'

/** Candidates that each slice of the head gives unasked: mostly all that the sampler needs. */
const CANDIDATES = 64

/** Rows of the embedding: ids -> (ids.length, hiddenSize) f32. */
export interface Embedding {
  rows(ids: readonly number[]): Promise<Float32Array<ArrayBuffer>>
}

/** A session of the stages. */
interface Session {
  readonly id: string
  /** (hiddenSize) f32 of the last token, after all layers. */
  last: Float32Array<ArrayBuffer>
}

type PipelineSequence = KeptSequence<Session>

/** A model whose layers and head are stages elsewhere: drives them in turn, and makes up for what one of them loses. */
export class PipelineModel implements LanguageModel {
  readonly vocabSize: number
  readonly contextLength: number
  /** Tokens run forward so far, of prompts and answers of all sequences, anew or not. */
  tokensComputed = 0
  /** How often a sequence was computed anew. */
  recoveries = 0
  readonly #plan: Plan
  readonly #embedding: Embedding
  readonly #layers: readonly StageClient[]
  readonly #head: readonly { readonly client: StageClient; readonly plan: HeadPlan }[]
  readonly #sessions: KeptCaches<Session>

  /** `stages`: clients in the order of the plan. */
  constructor(plan: Plan, config: ModelConfig, embedding: Embedding, stages: readonly StageClient[]) {
    this.#plan = plan
    this.#embedding = embedding
    this.#layers = stages.filter((_, i) => plan.stages[i].kind === 'layers')
    this.#head = plan.stages.flatMap((stage, i) => (stage.kind === 'head' ? [{ client: stages[i], plan: stage }] : []))
    const sessions = Array.from(
      { length: plan.sessions },
      (): Session => ({ id: crypto.randomUUID(), last: new Float32Array() }),
    )
    // A stage that cannot be reached may give the cache away when its lease is over.
    const ended = ({ id }: Session) => {
      for (const stage of this.#layers) void stage.release(id).catch(() => {})
    }
    this.#sessions = new KeptCaches(sessions, { ended })
    this.vocabSize = config.vocabSize
    this.contextLength = plan.contextLength
  }

  /** Load the weights of all stages side by side. Throws PipelineError. */
  async load(): Promise<void> {
    await Promise.all(
      [...this.#layers, ...this.#head.map(({ client }) => client)].map((stage) => recover(() => stage.load())),
    )
  }

  /** KV caches: sequences that can be at once. */
  get caches(): number {
    return this.#plan.sessions
  }

  /** Tokens of prompts that were not computed, since a cache had them, and of how many prompts. */
  get reused(): { readonly sequences: number; readonly tokens: number } {
    return this.#sessions.reused
  }

  createSequence(beginning?: Beginning): PipelineSequence {
    return this.#sessions.createSequence(beginning)
  }

  async forward(sequence: PipelineSequence, tokens: readonly number[], signal: AbortSignal): Promise<void> {
    const all = [...sequence.tokens, ...tokens]
    const session = sequence.cache
    const last = await recover((attempt) => {
      if (attempt > 0) this.recoveries++
      return this.#run(session.id, all, attempt === 0 ? sequence.length : 0, signal)
    }, signal).catch((error) => {
      if (signal.aborted) return undefined
      throw error
    })
    if (last === undefined) return
    sequence.append(tokens)
    session.last = last
  }

  async distribution(sequence: PipelineSequence, query: DistributionQuery): Promise<Distribution> {
    const { last } = sequence.cache
    const ask = (top: number) =>
      Promise.all(
        this.#head.map(({ client, plan }) => {
          const allowed = query.allowed && rowsOf(query.allowed, plan)
          return recover(() => client.distribution(last, { ...query, allowed, top }))
        }),
      )
    return mergeSlices(this.vocabSize, await ask(CANDIDATES), CANDIDATES, ask)
  }

  /** Compute tokens.slice(from); the last one's hidden vector, or undefined after an abort. */
  #run(session: string, tokens: readonly number[], from: number, signal: AbortSignal) {
    return prefill(
      this.#layers.length,
      chunks(tokens, from, this.#plan.chunkLength),
      async ({ ids }) => {
        // Where the stages are in the same process as the router, their calls alone let nobody else have a turn.
        await turn()
        return this.#embedding.rows(ids)
      },
      async (stage, { ids, position }, hidden) => {
        const isLast = stage === this.#layers.length - 1
        const result = await this.#layers[stage].forward(session, position, hidden, isLast ? 'last' : 'all')
        freeVectors(hidden)
        if (isLast) this.tokensComputed += ids.length
        return result
      },
      signal,
    )
  }
}

/** The bits of some rows: whole words, since a slice begins with a tile of 32. */
function rowsOf(allowed: TokenMask, { firstRow, rows }: HeadPlan): TokenMask {
  return allowed.slice(firstRow / 32, Math.ceil((firstRow + rows) / 32))
}

interface Chunk {
  readonly ids: readonly number[]
  readonly position: number
}

function chunks(tokens: readonly number[], from: number, length: number): Chunk[] {
  return Array.from({ length: Math.ceil((tokens.length - from) / length) }, (_, i) => {
    const position = from + i * length
    return { ids: tokens.slice(position, position + length), position }
  })
}
