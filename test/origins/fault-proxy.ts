// A proxy on the loopback interface that does to the next responses what goes wrong between a Worker and an origin.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'

export type Fault =
  /** The connection is closed before a response begins. */
  | { readonly kind: 'refuse' }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string
    }
  /** The response begins this much later, in ms. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** After this byte of the body nothing comes any more. */
  | { readonly kind: 'stall'; readonly atByte: number }
  /** After this byte the connection breaks. */
  | { readonly kind: 'cut'; readonly atByte: number }
  /** After this byte the response ends as if it were complete. */
  | { readonly kind: 'end'; readonly atByte: number }
  /** After this byte there are bytes of somebody else. */
  | { readonly kind: 'garbage'; readonly atByte: number; readonly bytes: Uint8Array }

export interface FaultProxy {
  readonly url: string
  /** POST requests for tokens that came, headers included. */
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: string }[]
  /** Faults for the next responses that carry tokens, in order; then there are none. */
  inject(...faults: Fault[]): void
  stop(): Promise<void>
}

/** Requests whose responses carry tokens: not the check of the model and the tokenizer. */
const CARRIES_TOKENS = new Set(['/completion', '/v1/completions', '/generate'])

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const faults: Fault[] = []
  const requests: FaultProxy['requests'] = []
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const path = incoming.url!
    // SGLang's tokenizer is asked in the same place.
    const carriesTokens = CARRIES_TOKENS.has(path) && !body.includes('"return_logprob"')
    if (carriesTokens) requests.push({ path, headers: incoming.headers, body: body.toString() })
    await forward(new URL(path, target), incoming, body, outgoing, carriesTokens ? faults.shift() : undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    inject: (...more) => faults.push(...more),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function forward(
  url: URL,
  { method, headers }: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
  fault: Fault | undefined,
): Promise<void> {
  if (fault?.kind === 'refuse') return void outgoing.destroy()
  if (fault?.kind === 'status') return void outgoing.writeHead(fault.status, fault.headers).end(fault.body)
  if (fault?.kind === 'slow') await setTimeout(fault.ms)
  const upstream = request(url, { method, headers: { ...headers, host: url.host }, agent: false })
  outgoing.on('close', () => upstream.destroy())
  upstream.on('error', () => outgoing.destroy())
  upstream.end(body)
  upstream.on('response', (response) => {
    outgoing.writeHead(response.statusCode!, response.headers)
    outgoing.flushHeaders()
    response.on('error', () => outgoing.destroy())
    response.on('end', () => outgoing.end())
    let passed = 0
    response.on('data', (chunk: Buffer) => {
      const before = fault && 'atByte' in fault ? Math.max(0, fault.atByte - passed) : chunk.length
      passed += chunk.length
      outgoing.write(chunk.subarray(0, before))
      if (!fault || !('atByte' in fault) || before >= chunk.length) return
      if (fault.kind === 'garbage') {
        outgoing.write(Buffer.concat([fault.bytes, chunk.subarray(before)]))
        fault = undefined
        return
      }
      response.removeAllListeners()
      response.resume()
      if (fault.kind === 'end') outgoing.end()
      // What was written before goes out first.
      if (fault.kind === 'cut') outgoing.socket?.end(() => outgoing.destroy())
    })
  })
}
