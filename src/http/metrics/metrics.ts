import { Counter, Histogram, type Metric, reading } from './exposition.ts'

/** In seconds; a first token waits for its turn and its prompt. */
const FIRST_TOKEN_BOUNDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const BETWEEN_TOKENS_BOUNDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
/** Events of answers that are counted: the names that the log has for them (route/handover.ts). */
const MOVES = ['handover', 'origins_failed', 'origin_refused']

/** What a health check tells, as far as it is counted. */
export interface Health {
  readonly status?: string
  readonly running?: number
  readonly waiting?: number
  readonly tokensComputed?: number
  readonly reused?: { readonly sequences: number; readonly tokens: number }
  readonly recoveries?: number
  readonly origins?: readonly OriginHealth[]
}

interface OriginHealth {
  readonly name: string
  readonly circuit: string
  readonly attempts: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  readonly tokens: number
}

/** Counts since this object was started. */
export class Metrics {
  readonly requests = new Counter('nanbeige_requests_total', 'Requests, by the key that they brought.')
  readonly answers = new Counter('nanbeige_answers_total', 'Answers that began, by the way that they were sent.')
  readonly tokens = new Counter('nanbeige_tokens_total', 'Tokens of answers by who made them, and those of prompts.')
  readonly moves = new Counter('nanbeige_moves_total', 'Answers that moved to an origin, or could not.')
  readonly firstToken = new Histogram(
    'nanbeige_time_to_first_token_seconds',
    'From the arrival of a request to the first token of its answer.',
    FIRST_TOKEN_BOUNDS,
  )
  readonly betweenTokens = new Histogram(
    'nanbeige_time_between_tokens_seconds',
    'From one token of an answer to the next.',
    BETWEEN_TOKENS_BOUNDS,
  )
  /** Answers that go on. */
  going = 0

  event(name: string): void {
    if (MOVES.includes(name)) this.moves.add({ event: name })
  }

  /** In Prometheus' text format. */
  text(health: Health): string {
    const { requests, answers, tokens, moves, firstToken, betweenTokens } = this
    const all = [requests, answers, tokens, moves, firstToken, betweenTokens, ...this.#now(health)]
    return `${all.map((metric) => metric.text()).join('\n')}\n`
  }

  #now({ status, running = 0, waiting = 0, tokensComputed = 0, reused, recoveries, origins = [] }: Health): Metric[] {
    return [
      reading('nanbeige_up', 'gauge', 'Whether the server works.', [[{}, status === 'ok' ? 1 : 0]]),
      reading('nanbeige_answers_going', 'gauge', 'Answers that go on, those that wait among them.', [[{}, this.going]]),
      reading('nanbeige_queue_running', 'gauge', 'Answers that the edge computes.', [[{}, running]]),
      reading('nanbeige_queue_waiting', 'gauge', 'Answers that wait for their turn at the edge.', [[{}, waiting]]),
      reading('nanbeige_edge_tokens_computed_total', 'counter', 'Tokens that the edge has computed, of prompts too.', [
        [{}, tokensComputed],
      ]),
      ...(reused
        ? [
            reading('nanbeige_cache_hits_total', 'counter', 'Prompts that began as one before, whose cache was kept.', [
              [{}, reused.sequences],
            ]),
            reading('nanbeige_cache_tokens_total', 'counter', 'Tokens of prompts that were not computed again.', [
              [{}, reused.tokens],
            ]),
          ]
        : []),
      ...(recoveries === undefined
        ? []
        : [reading('nanbeige_recoveries_total', 'counter', 'Sessions that were computed anew.', [[{}, recoveries]])]),
      ...(origins.length > 0 ? ofOrigins(origins) : []),
    ]
  }
}

function ofOrigins(origins: readonly OriginHealth[]): Metric[] {
  const outcomes = ['completed', 'failed', 'cancelled'] as const
  return [
    reading(
      'nanbeige_origin_circuit',
      'gauge',
      'State of the circuit breaker of an origin: 1 for the one that it is in.',
      origins.flatMap(({ name, circuit }) =>
        ['closed', 'half-open', 'open'].map((state): [Record<string, string>, number] => [
          { origin: name, state },
          state === circuit ? 1 : 0,
        ]),
      ),
    ),
    reading(
      'nanbeige_origin_requests_total',
      'counter',
      'Requests to an origin that have ended, by how.',
      origins.flatMap((origin) =>
        outcomes.map((outcome): [Record<string, string>, number] => [
          { origin: origin.name, outcome },
          origin[outcome],
        ]),
      ),
    ),
    reading(
      'nanbeige_origin_tokens_total',
      'counter',
      'Tokens that an origin has sent.',
      origins.map(({ name, tokens }) => [{ origin: name }, tokens]),
    ),
  ]
}
