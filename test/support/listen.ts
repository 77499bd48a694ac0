import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'

export interface ListeningApp {
  /** Without a slash at the end. */
  readonly url: string
  /** Breaks all connections; new ones are taken. */
  disconnect(): void
  stop(): Promise<void>
}

type Fetch = Parameters<typeof createAdaptorServer>[0]['fetch']

/** An app on a free port of loopback, in this process. */
export async function listen(app: { readonly fetch: Fetch }): Promise<ListeningApp> {
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const disconnect = () => {
    if ('closeAllConnections' in server) server.closeAllConnections()
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    disconnect,
    async stop() {
      disconnect()
      server.close()
      await once(server, 'close')
    },
  }
}
