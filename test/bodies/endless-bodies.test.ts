import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setInterval, setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { startServer } from '../support/server.ts'

// Clients that hold a connection and never come to the end of what they say.

/** A minute for a body, and what a busy machine needs to say so. */
const GIVEN_UP_MS = 75_000

let server: RunningWorker
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.stop())

describe.concurrent('a body that never ends is given up', () => {
  test.each([
    ['one that stands still', 'Content-Length: 1000', '{"messages":', undefined],
    ['chunks that stop', 'Transfer-Encoding: chunked', 'c\r\n{"messages":\r\n', undefined],
    ['chunks that drip', 'Transfer-Encoding: chunked', 'c\r\n{"messages":\r\n', '1\r\n \r\n'],
    ['one that nobody reads', 'Content-Length: 1000\r\nContent-Encoding: gzip', '{"messages":', undefined],
  ])('%s', { timeout: GIVEN_UP_MS + 10_000 }, async (_, headers, start, drop) => {
    const { socket, said } = open('POST /v1/chat/completions', headers)
    socket.write(start)
    const closed = once(socket, 'close')
    if (drop) dripInto(socket, drop)
    const end = await Promise.race([closed.then(() => 'closed'), setTimeout(GIVEN_UP_MS, 'open')])
    socket.destroy()
    expect(end).toBe('closed')
    expect(said()).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(JSON.parse(said().split('\r\n\r\n')[1])).toMatchObject({ error: { message: expect.any(String) } })
  })
})

test('a body whose chunks are malformed is no fault of the server', async () => {
  const { socket, said } = open('POST /v1/chat/completions', 'Transfer-Encoding: chunked')
  socket.write('zz\r\n{}\r\n0\r\n\r\n')
  await once(socket, 'close')
  expect(said()).toMatch(/^HTTP\/1\.1 400 /)
  expect(JSON.parse(said().split('\r\n\r\n')[1])).toMatchObject({ error: { code: 'body_broken' } })
})

function open(line: string, headers: string) {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
  let said = ''
  socket.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  socket.on('error', () => {})
  socket.write(`${line} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`)
  return { socket, said: () => said }
}

async function dripInto(socket: Socket, drop: string): Promise<void> {
  for await (const _ of setInterval(500)) {
    if (socket.destroyed) return
    socket.write(drop)
  }
}
