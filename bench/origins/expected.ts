import { Detokenizer } from '../../src/tokenizer/detokenizer.ts'
import { loadTokenizer } from '../../src/tokenizer/load.ts'
import type { RealServer } from '../../test/origins/real-server.ts'
import { smolLm2Tables } from '../../test/support/smollm2-tokenizer-tables.ts'
import type { BenchClient, LogLine, Question } from './client.ts'
import type { Generated } from './edge.ts'

const tokenizer = loadTokenizer(smolLm2Tables()!)

/** Tokens of one source; the next one follows where it begins. */
export interface Segment {
  readonly source: 'edge' | 'origin'
  /** Tokens before it. */
  readonly from: number
}

export interface Expected {
  readonly text: string
  readonly promptTokens: number
  readonly edgeTokens: number
  readonly originTokens: number
  readonly finish: 'stop' | 'length'
}

/** Who made which tokens of an answer that began at the edge, by what the product logs. */
export function segmentsOf(log: readonly LogLine[]): Segment[] {
  const segments: Segment[] = [{ source: 'edge', from: 0 }]
  for (const { event, tokens } of log) {
    const source = event === 'handover' ? 'origin' : event === 'origins_failed' ? 'edge' : undefined
    if (source && source !== segments.at(-1)!.source) segments.push({ source, from: tokens! })
  }
  return segments
}

/** The whole characters of tokens from the start of an answer; `rest` is not empty where they end inside a character. */
export function textOf(ids: readonly number[]): { readonly text: string; readonly rest: string } {
  const detokenizer = new Detokenizer(tokenizer, null)
  const text = ids.map((id) => detokenizer.push(id)).join('')
  return { text, rest: detokenizer.flush() }
}

/** What edge and origin answer when each is asked alone and in full for exactly the tokens before. */
export class Expectations {
  readonly #client: BenchClient
  readonly #server: RealServer
  readonly #known = new Map<string, Promise<Generated>>()

  constructor(client: BenchClient, server: RealServer) {
    this.#client = client
    this.#server = server
  }

  edge({ messages, maxTokens, bannedIds }: Question, generatedIds: readonly number[] = []) {
    return this.#client.edge({ messages, bannedIds, generatedIds, maxTokens: maxTokens - generatedIds.length })
  }

  async answer(question: Question, segments: readonly Segment[]): Promise<Expected> {
    const { promptIds } = await this.#once(question, 'edge', [])
    const made = { edge: 0, origin: 0 }
    const ids: number[] = []
    let end = 'length'
    for (const [index, { source, from }] of segments.entries()) {
      const until = segments[index + 1]?.from ?? question.maxTokens
      const rest = await this.#once(question, source, ids)
      const taken = rest.ids.slice(0, until - from)
      made[source] += taken.length
      ids.push(...taken)
      end = taken.length < until - from ? rest.end : 'length'
    }
    const { text, rest } = textOf(ids)
    return {
      text: text + rest,
      promptTokens: promptIds.length,
      edgeTokens: made.edge,
      originTokens: made.origin,
      finish: end === 'eos' ? 'stop' : 'length',
    }
  }

  /** Asked once for each: a fault is injected many times into the same answer. */
  #once(question: Question, source: Segment['source'], ids: readonly number[]): Promise<Generated> {
    const key = JSON.stringify([question, source, ids])
    const known = this.#known.get(key) ?? this.#ask(question, source, ids)
    this.#known.set(key, known)
    return known
  }

  async #ask(question: Question, source: Segment['source'], ids: readonly number[]): Promise<Generated> {
    if (source === 'edge') return this.edge(question, ids)
    const { promptIds } = await this.#once(question, 'edge', [])
    const left = question.maxTokens - ids.length
    return { promptIds, ...(await this.#server.answer([...promptIds, ...ids], left, question.bannedIds)) }
  }
}
