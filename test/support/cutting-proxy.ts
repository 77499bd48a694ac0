// A TCP proxy on loopback that breaks connections in the middle of streamed answers, after a byte of one's choice.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What happens after so many bytes of the next stream. The connection goes on where it returns false. */
export interface Strike {
  readonly atByte: number
  happen(): boolean
}

export interface CuttingProxy {
  readonly port: number
  /** Streams that have begun. */
  readonly streams: number
  /** For the next streams, in order; each is spent by one, struck or not. */
  plan(...strikes: Strike[]): void
  stop(): Promise<void>
}

const STREAM = /^(POST \/v1\/chat\/completions|GET \/v1\/chat\/completions\/[^/ ]+\/events) /m

/** @param target port on loopback. */
export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  let planned: Strike[] = []
  let streams = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    let strike: Strike | undefined
    let left = 0
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ]) {
      sockets.add(socket)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.setNoDelay(true)
    }
    client.on('data', (bytes) => {
      if (STREAM.test(bytes.toString('latin1'))) {
        streams++
        strike = planned.shift()
        left = strike?.atByte ?? 0
      }
      upstream.write(bytes)
    })
    upstream.on('data', (bytes: Buffer) => {
      if (!strike || bytes.length < left) {
        left -= bytes.length
        client.write(bytes)
        return
      }
      const { happen } = strike
      strike = undefined
      const cut = bytes.subarray(0, left)
      if (!happen()) client.write(bytes)
      // What was written arrives before the end does.
      else client.write(cut, () => client.destroy())
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get streams() {
      return streams
    },
    plan(...strikes) {
      planned = strikes
    },
    async stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
