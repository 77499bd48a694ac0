import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { END_OF_TURN, startWorkerWithOrigin } from '../origins/worker-with-origin.ts'
import { type WorkerdUsage, workerdUsage } from '../support/workerd-usage.ts'
import { type GeneratedBody, generatedBodies } from './generated-bodies.ts'

/** What a server may spend on one body beside the model's computation, in ms of CPU time. */
export const MAX_CPU_MS = 200
/** After this time a request hangs, in ms. */
const HANGS_MS = 20_000
/** Failures that are told. */
const MAX_FAILURES = 20
/** Nothing of a client's text comes back longer than this (200 characters of it, and what is said about them). */
const MAX_ERROR_CHARACTERS = 1000

export interface FuzzReport {
  /** Bodies that were not answered as they must be, and how; of many only the first ones. */
  readonly failures: readonly string[]
  readonly statuses: Readonly<Record<number, number>>
  /** CPU times of the slowest bodies, in ms, the worst first. */
  readonly slowest: readonly { readonly cpuMs: number; readonly body: string }[]
  /** Resident memory of workerd before, after and at its highest, in MiB. */
  readonly rss: { readonly before: number; readonly after: number; readonly peak: number }
}

/** Asks workerd with so many generated bodies, one after the other. */
export async function fuzz(runs: number, seed: number): Promise<FuzzReport> {
  // Its answers are empty, so that none takes long.
  const worker = await startWorkerWithOrigin(() => ({ next: () => END_OF_TURN }))
  try {
    const usage = workerdUsage()
    const meter = await modelMeter(worker.url, usage)
    const failures: string[] = []
    const statuses: Record<number, number> = {}
    const slowest: { cpuMs: number; body: string }[] = []
    const before = usage.memory().rss
    const property = fc.asyncProperty(generatedBodies, async (generated) => {
      const body = excerpt(generated)
      const fail = (how: string) => failures.length < MAX_FAILURES && failures.push(`${how} for ${body}`)
      await meter()
      const start = usage.cpuMs()
      try {
        const { status, text } = await send(worker.url, generated)
        statuses[status] = (statuses[status] ?? 0) + 1
        const wrong = wrongAnswer(status, text)
        if (wrong) fail(wrong)
      } catch (error) {
        fail(String((error as Error).cause ?? error))
      }
      const total = usage.cpuMs() - start
      const cpuMs = total > MAX_CPU_MS ? total - (await meter()) : total
      if (cpuMs > MAX_CPU_MS) fail(`${cpuMs} ms of CPU time`)
      slowest.push({ cpuMs, body })
      slowest.sort((a, b) => b.cpuMs - a.cpuMs).splice(10)
    })
    await fc.assert(property, { seed, numRuns: runs })
    const { rss: after, peak } = usage.memory()
    return { failures, statuses, slowest, rss: { before, after, peak } }
  } finally {
    await worker.stop()
  }
}

async function send(url: string, { path, headers, body }: GeneratedBody) {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.timeout(HANGS_MS),
  })
  return { status: response.status, text: await response.text(), route: response.headers.get('x-nanbeige-route') }
}

/** An error must be OpenAI's JSON and short; an answer must be whole, with no server error in it. undefined: so it is. */
function wrongAnswer(status: number, text: string): string | undefined {
  if (status >= 500) return `${status} ${text}`
  if (status === 200) {
    const answers = /^(data|:)/.test(text) ? events(text) : [JSON.parse(text)]
    return answers.some(({ error }) => error?.type === 'server_error')
      ? `a server error in ${text.slice(-500)}`
      : undefined
  }
  if (text.length > MAX_ERROR_CHARACTERS) return `an error of ${text.length} characters`
  const { error } = JSON.parse(text)
  const isComplete = typeof error.message === 'string' && ['type', 'param', 'code'].every((field) => field in error)
  return isComplete ? undefined : `an error that is not in OpenAI's form, ${text},`
}

function events(text: string) {
  const answers: { error?: { type: string } }[] = []
  const parser = createParser({ onEvent: ({ data }) => data !== '[DONE]' && answers.push(JSON.parse(data)) })
  parser.feed(text)
  return answers
}

/** Measures the model: returns what gives the CPU time that it took since the last call, in ms. */
async function modelMeter(url: string, { cpuMs }: WorkerdUsage): Promise<() => Promise<number>> {
  const headers = { 'Content-Type': 'application/json', 'x-nanbeige-route': 'edge' }
  const messages = [{ role: 'user', content: 'One, two, three. '.repeat(20) }]
  const path = '/v1/chat/completions'
  const ask = () => send(url, { path, headers, body: JSON.stringify({ messages, max_tokens: 1 }) })
  // The first one loads the model, the first grammar its engine: what that takes is no body's.
  await ask()
  await send(url, { path, headers, body: JSON.stringify({ messages, max_tokens: 1, guided_regex: '[a-z]+' }) })
  let tokens = await tokensComputed(url)
  const start = cpuMs()
  await ask()
  const took = cpuMs() - start
  const perToken = took / ((await tokensComputed(url)) - tokens)
  return async () => {
    const before = tokens
    tokens = await tokensComputed(url)
    return (tokens - before) * perToken
  }
}

async function tokensComputed(url: string): Promise<number> {
  return (await (await fetch(`${url}/healthz`)).json()).tokensComputed
}

function excerpt({ path, headers, body }: GeneratedBody): string {
  const shown = body.length > 600 ? `${body.slice(0, 500)} … ${body.slice(-100)} (${body.length} characters)` : body
  return `${path} ${JSON.stringify(headers)} ${shown}`
}
