import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { startServer } from '../support/server.ts'

// Agents that keep their connections, after an answer that needed nothing of the request's body.

let server: RunningWorker
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.stop())

const COMPLETIONS = '/v1/chat/completions'
const JSON_TYPE = { 'Content-Type': 'application/json' }
const REFUSED = [
  { status: 404, method: 'POST', path: '/v1/nothing', headers: JSON_TYPE },
  { status: 405, method: 'PUT', path: COMPLETIONS, headers: JSON_TYPE },
  { status: 415, method: 'POST', path: COMPLETIONS, headers: { 'Content-Type': 'text/plain' } },
  { status: 415, method: 'POST', path: COMPLETIONS, headers: { ...JSON_TYPE, 'Content-Encoding': 'gzip' } },
]
const KIB = 1024
/** Bodies that have come before the answer, while it is made, and after it. */
const BODIES = [
  { bytes: 64, pieces: 1 },
  { bytes: 64, pieces: 2 },
  { bytes: 512 * KIB, pieces: 1 },
  { bytes: 512 * KIB, pieces: 4 },
]

test.each([
  ...REFUSED.flatMap((request) => BODIES.map((body) => ({ ...request, ...body }))),
  { status: 413, method: 'POST', path: COMPLETIONS, headers: JSON_TYPE, bytes: 4096 * KIB + 4, pieces: 1 },
  { status: 413, method: 'POST', path: COMPLETIONS, headers: JSON_TYPE, bytes: 4096 * KIB + 4, pieces: 4 },
])('$method $path, answered $status: 20 next requests after $bytes bytes in $pieces pieces', async (refused) => {
  const { status, bytes, pieces, ...options } = refused
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const body = Array<string>(pieces).fill('x'.repeat(bytes / pieces))
  try {
    for (let attempt = 0; attempt < 20; attempt++) {
      const answer = await send(agent, options, body)
      expect(answer.status).toBe(status)
      expect(JSON.parse(answer.said).error.message).not.toBe('')
      expect(await send(agent, { method: 'GET', path: '/healthz', headers: {} })).toMatchObject({ status: 200 })
    }
  } finally {
    agent.destroy()
  }
})

/** Rejects with ECONNRESET where the server closed the connection without a word; until its answer it takes all that is sent. */
async function send(
  agent: Agent,
  options: { method: string; path: string; headers: Record<string, string> },
  pieces: readonly string[] = [],
) {
  const bytes = pieces.join('').length
  const headers = { ...options.headers, ...(bytes > 0 && { 'Content-Length': bytes }) }
  const sent = request(server.url + options.path, { ...options, agent, headers })
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  // The answer has come; the connection was announced to be closed.
  answered.then(() => sent.on('error', () => {})).catch(() => {})
  sent.flushHeaders()
  for (const piece of pieces) {
    sent.write(piece)
    await setTimeout(2)
  }
  sent.end()
  const [response] = await answered
  return { status: response.statusCode, said: await text(response) }
}
