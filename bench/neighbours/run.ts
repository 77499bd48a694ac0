// The longest gap of a running stream beside a neighbour that sends one body of 4 MiB after the other, over sockets to workerd.
//
//   npm run bench:neighbours             a stream of 400 tokens beside each kind of body
//   npm run bench:neighbours -- 100      of 100 tokens

import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { startWorker } from '../../src/serve/start-worker.ts'
import { type Visit, visit } from '../crowd/visit.ts'
import { median } from '../support/median.ts'
import { percentile } from '../support/percentile.ts'

const [TOKENS = 400] = process.argv.slice(2).map(Number)
const BYTES = 4 * 1024 * 1024
/** A reader takes a longer one for a stall. */
const MAX_GAP_MS = 300
/** Neighbours at a time. */
const NEIGHBOURS = 2

const filled = (start: string, piece: string, end: string) =>
  start + piece.repeat(Math.floor((BYTES - start.length - end.length) / Buffer.byteLength(piece))) + end
const message = (piece: string) => filled('{"messages":[{"role":"user","content":"', piece, '"}]}')
const BODIES: Record<string, string | undefined> = {
  nobody: undefined,
  'spaces in a message': message(' '),
  'one word in a message': message('x'),
  'words in a message': message('many words '),
  'emoji in a message': message('😀'),
  'spaces around nothing': filled('', ' ', '{}'),
  'numbers for messages': filled('{"messages":[0', ',1', ']}'),
  '{} for messages': filled('{"messages":[{}', ',{}', ']}'),
  '{} for parts': filled('{"messages":[{"role":"user","content":[{}', ',{}', ']}]}'),
}

const READER: Visit = { words: 1, maxTokens: TOKENS, stream: true, patience: undefined }
const server = await startWorker({ port: 0, silent: true })
try {
  // The first one loads the model.
  await visit(server.url, '127.0.0.1', { ...READER, maxTokens: 1 })
  console.log(`\nA stream of ${TOKENS} tokens beside ${NEIGHBOURS} neighbours; gaps between its tokens in ms:`)
  for (const [kind, body] of Object.entries(BODIES)) console.log(kind.padEnd(24), await gapsBeside(body))
} finally {
  await server.stop()
}

async function gapsBeside(body: string | undefined) {
  const stop = new AbortController()
  const answers: Record<string, number> = {}
  const neighbours = body === undefined ? [] : Array.from({ length: NEIGHBOURS }, (_, index) => `127.0.1.${1 + index}`)
  const looping = neighbours.map((address) => loop(address, Buffer.from(body!), stop.signal, answers))
  const { times } = await visit(server.url, '127.0.0.1', READER)
  stop.abort()
  await Promise.all(looping)
  const gaps = times.slice(1).map((time, index) => time - times[index])
  const longest = Math.max(...gaps)
  if (longest > MAX_GAP_MS) process.exitCode = 1
  const ms = { longest, '99 %': percentile(gaps, 0.99), median: median(gaps) }
  const figures = Object.entries(ms).map(([name, value]) => `${name} ${value.toFixed(0).padStart(5)}`)
  return `${figures.join('   ')}   bodies by status ${JSON.stringify(answers)}`
}

/** Sends a body again and again, and counts the answers by their status. */
async function loop(
  address: string,
  body: Buffer,
  signal: AbortSignal,
  answers: Record<string, number>,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const headers = { 'Content-Type': 'application/json', 'Content-Length': body.length }
  while (!signal.aborted) {
    const sent = request(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers,
      localAddress: address,
      agent,
      signal,
    })
    sent.end(body)
    const status = await once(sent, 'response').then(
      async ([response]) => {
        await response.resume().toArray()
        return response.statusCode
      },
      (error) => error.code,
    )
    if (!signal.aborted) answers[status] = (answers[status] ?? 0) + 1
  }
  agent.destroy()
}
