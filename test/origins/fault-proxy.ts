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
  /** After this byte the connection is closed. */
  | { readonly kind: 'cut'; readonly atByte: number }
  /** After this byte it is reset, which may take with it what was on the way. */
  | { readonly kind: 'reset'; readonly atByte: number }
  /** After this byte the response ends as if it were complete. */
  | { readonly kind: 'end'; readonly atByte: number }
  /** After this byte there are bytes of somebody else. */
  | { readonly kind: 'garbage'; readonly atByte: number; readonly bytes: Uint8Array }

export interface FaultProxy {
  readonly url: string
  /** POST requests for tokens that came, headers included. */
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers']; readonly body: string }[]
  /** Bytes of the latest response that carries tokens. */
  readonly passed: number
  /** Faults that happened. */
  readonly struck: number
  /**
   * Faults for the next responses that carry tokens, in order; then there are none. One at a byte strikes the first
   * response that comes so far, and is spent by one that ends before.
   */
  inject(...faults: Fault[]): void
  /** No more faults. */
  heal(): void
  stop(): Promise<void>
}

/** Requests whose responses carry tokens: not the check of the model and the tokenizer. */
const CARRIES_TOKENS = new Set(['/completion', '/v1/completions', '/generate'])

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const faults: Fault[] = []
  const requests: FaultProxy['requests'] = []
  let last = { passed: 0 }
  let struck = 0
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const path = incoming.url!
    // SGLang's tokenizer is asked in the same place.
    const carriesTokens = CARRIES_TOKENS.has(path) && !body.includes('"return_logprob"')
    if (carriesTokens) requests.push({ path, headers: incoming.headers, body: body.toString() })
    const fault = carriesTokens ? faults[0] : undefined
    const spend = () => fault !== undefined && faults[0] === fault && faults.shift() !== undefined
    const strike = () => {
      const first = spend()
      if (first) struck++
      return first
    }
    if (fault && !('atByte' in fault)) strike()
    const response = { passed: 0 }
    if (carriesTokens) last = response
    await forward(new URL(path, target), incoming, body, outgoing, response, { fault, spend, strike })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get passed() {
      return last.passed
    },
    get struck() {
      return struck
    },
    inject: (...more) => faults.push(...more),
    heal: () => faults.splice(0),
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Injected {
  readonly fault: Fault | undefined
  /** It cannot happen any more. */
  spend(): void
  /** It happens now; false: it has already. */
  strike(): boolean
}

async function forward(
  url: URL,
  { method, headers }: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
  progress: { passed: number },
  { fault, spend, strike }: Injected,
): Promise<void> {
  if (fault?.kind === 'refuse') return void outgoing.destroy()
  if (fault?.kind === 'status') return void outgoing.writeHead(fault.status, fault.headers).end(fault.body)
  if (fault?.kind === 'slow') await setTimeout(fault.ms)
  // Nobody waits any more.
  if (outgoing.destroyed) return
  const upstream = request(url, { method, headers: { ...headers, host: url.host }, agent: false })
  outgoing.on('close', () => upstream.destroy())
  upstream.on('error', () => outgoing.destroy())
  upstream.end(body)
  upstream.on('response', (response) => {
    outgoing.writeHead(response.statusCode!, response.headers)
    outgoing.flushHeaders()
    response.on('error', () => outgoing.destroy())
    response.on('end', () => {
      spend()
      outgoing.end()
    })
    response.on('data', (chunk: Buffer) => {
      const before = fault && 'atByte' in fault ? fault.atByte - progress.passed : chunk.length
      progress.passed += chunk.length
      if (!fault || !('atByte' in fault) || before < 0 || before >= chunk.length || !strike()) {
        outgoing.write(chunk)
        return
      }
      outgoing.write(chunk.subarray(0, before))
      if (fault.kind === 'garbage') {
        outgoing.write(Buffer.concat([fault.bytes, chunk.subarray(before)]))
        return
      }
      response.removeAllListeners()
      response.resume()
      if (fault.kind === 'end') outgoing.end()
      if (fault.kind === 'reset') outgoing.socket?.resetAndDestroy()
      // What was written before goes out first.
      if (fault.kind === 'cut') outgoing.socket?.end(() => outgoing.destroy())
    })
  })
}
