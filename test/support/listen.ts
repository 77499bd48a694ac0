import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { App } from './fake-app.ts'

export interface ListeningApp {
  /** Without a slash at the end. */
  readonly url: string
  stop(): Promise<void>
}

/** An app on a free port of loopback, in this process. */
export async function listen(app: Pick<App, 'fetch'>): Promise<ListeningApp> {
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      if ('closeAllConnections' in server) server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
