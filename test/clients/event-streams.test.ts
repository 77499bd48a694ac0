import { fetchEventSource } from '@microsoft/fetch-event-source'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { RunningWorker } from '../../src/serve/start-worker.ts'
import { startServer } from '../support/server.ts'
import { isInstalled, startPython } from './python.ts'
import { answeredAfterWaiting } from './waiting.ts'
import { startWiretap, type Wiretap } from './wiretap.ts'

// Clients of server-sent events that take a blank line for the end of an event, whatever stood before it.

const BODY = {
  model: 'smollm2-135m-instruct',
  messages: [{ role: 'user', content: 'Count to ten.' }],
  max_tokens: 20,
  stream: true,
}

let server: RunningWorker
let tap: Wiretap
beforeAll(async () => {
  // It is written for browsers.
  vi.stubGlobal('window', globalThis)
  vi.stubGlobal('document', new EventTarget())
  server = await startServer({ SEQUENCES: 1 })
  tap = await startWiretap(server.url)
})
afterAll(async () => {
  vi.unstubAllGlobals()
  await tap?.stop()
  await server?.stop()
})

/** The data of the events of a stream that carried three heartbeats before them. */
async function afterHeartbeats(read: (url: string) => Promise<string[]>): Promise<string[]> {
  tap.clear()
  const heard = () => expect(tap.got.match(/: \n/g)?.length ?? 0).toBeGreaterThanOrEqual(3)
  return answeredAfterWaiting(server.url, () => read(`${tap.url}/v1/chat/completions`), heard)
}

function expectCompletion(events: readonly string[]): void {
  expect(events.at(-1)).toBe('[DONE]')
  for (const data of events.slice(0, -1)) expect(JSON.parse(data).object).toBe('chat.completion.chunk')
}

test('@microsoft/fetch-event-source gets no event without data', async () => {
  expectCompletion(
    await afterHeartbeats(async (url) => {
      const events: string[] = []
      await fetchEventSource(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(BODY),
        openWhenHidden: true,
        onmessage: ({ data }) => void events.push(data),
        onerror(error) {
          throw error
        },
      })
      return events
    }),
  )
})

describe.skipIf(!isInstalled('httpx-sse'))(
  "Python's httpx-sse (installed by scripts/install-python-clients.sh)",
  () => {
    test('gets no event without data', async () => {
      const python = startPython<object, string[]>('httpx-sse', 'events.py')
      try {
        expectCompletion(await afterHeartbeats((url) => python.call({ url, body: BODY })))
      } finally {
        await python.stop()
      }
    })
  },
)
