import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { RunningWorker } from '../src/serve/start-worker.ts'
import { startServer } from './support/server.ts'

// Those who wait, and those who leave while they wait: the real Worker in workerd, with the embedded model.
let server: RunningWorker
beforeAll(async () => {
  server = await startServer({ SEQUENCES: 1 })
})
afterAll(() => server?.stop())

const sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await vi.waitFor(async () => expect((await health()).waiting).toBe(0), { timeout: 10_000 })
})

const LONG = { messages: [{ role: 'user', content: 'Tell me a very long story.' }], logit_bias: { 2: -100 } }
/** Some 1,500 tokens, which take seconds to read. */
const LONG_PROMPT = { messages: [{ role: 'user', content: 'one two three '.repeat(500) }], max_tokens: 1 }

async function health() {
  return (await (await fetch(`${server.url}/healthz`)).json()) as { waiting: number; tokensComputed: number }
}

/** A request on a socket of its own, from one of the addresses of this machine: clients are told apart by theirs. */
function send(body: object, address = 1) {
  const { port } = new URL(server.url)
  const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress: `127.0.1.${address}` })
  sockets.push(socket)
  const text = JSON.stringify(body)
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  )
  const received = { text: '' }
  socket.on('data', (bytes) => {
    received.text += bytes
  })
  socket.on('error', () => {})
  return { socket, received }
}

test('clients that leave while they wait give their places back, and nothing is computed for them', async () => {
  const first = send({ ...LONG, stream: true })
  await vi.waitFor(() => expect(first.received.text).toContain('data:'), { timeout: 10_000 })
  const leavers = Array.from({ length: 16 }, (_, index) =>
    send({ ...LONG_PROMPT, stream: index % 2 === 0 }, 1 + (index % 4)),
  )
  await vi.waitFor(async () => expect((await health()).waiting).toBe(16), { timeout: 10_000 })
  for (const { socket } of leavers) socket.destroy()
  await vi.waitFor(async () => expect((await health()).waiting).toBe(0), { timeout: 10_000 })
  first.socket.destroy()
  await setTimeout(1500)
  const { tokensComputed } = await health()
  await setTimeout(500)
  expect((await health()).tokensComputed).toBe(tokensComputed)
})

test('a stream that waits has its headers and comments at once, a plain answer white space', async () => {
  const first = send({ ...LONG, stream: true })
  await vi.waitFor(() => expect(first.received.text).toContain('data:'), { timeout: 10_000 })
  const [stream, plain] = [send({ ...LONG, stream: true }, 2), send({ ...LONG, max_tokens: 1 }, 3)]
  await vi.waitFor(() => expect(stream.received.text).toMatch(/^HTTP\/1.1 200 OK.*: \n/s), { timeout: 2000 })
  await vi.waitFor(() => expect(plain.received.text).toMatch(/^HTTP\/1.1 200 OK.*\r\n1\r\n \r\n/s), { timeout: 4000 })
  expect(stream.received.text).not.toMatch(/"content":"[^"]/)
  first.socket.destroy()
  stream.socket.destroy()
  await vi.waitFor(() => expect(plain.received.text).toContain('"finish_reason":"length"'), { timeout: 20_000 })
})

test.each([true, false])('a prompt is not read to its end for a client that left, stream: %s', async (stream) => {
  const before = (await health()).tokensComputed
  const { socket } = send({ ...LONG_PROMPT, stream })
  await vi.waitFor(async () => expect((await health()).tokensComputed).toBeGreaterThan(before), { timeout: 5000 })
  socket.destroy()
  await setTimeout(2500)
  const { tokensComputed } = await health()
  expect(tokensComputed - before).toBeLessThan(1400)
  await setTimeout(500)
  expect((await health()).tokensComputed).toBe(tokensComputed)
})
