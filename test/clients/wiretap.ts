import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Wiretap {
  /** Without a slash at the end. */
  readonly url: string
  /** All bytes that the client sent until now, and all that it got, as Latin-1. */
  readonly sent: string
  readonly got: string
  /** Forgets what was heard until now. */
  clear(): void
  stop(): Promise<void>
}

/** Listens to a client and a server on loopback, byte by byte: each end of a connection is passed on as it came. */
export async function startWiretap(target: string): Promise<Wiretap> {
  const { port } = new URL(target)
  const heard = { sent: '', got: '' }
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
    join(client, upstream, (text) => {
      heard.sent += text
    })
    join(upstream, client, (text) => {
      heard.got += text
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  function join(from: Socket, to: Socket, hear: (text: string) => void): void {
    sockets.add(from)
    from.on('data', (chunk) => {
      hear(chunk.toString('latin1'))
      to.write(chunk)
    })
    from.on('end', () => to.end())
    from.on('error', () => to.resetAndDestroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroySoon()
    })
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get sent() {
      return heard.sent
    },
    get got() {
      return heard.got
    },
    clear() {
      heard.sent = ''
      heard.got = ''
    },
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
