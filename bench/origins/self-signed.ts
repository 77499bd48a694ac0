import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'

export interface SelfSigned {
  readonly url: string
  /** Requests that trusted it; must stay 0. */
  readonly trusted: number
  stop(): Promise<void>
}

/** An https server on loopback whose certificate nobody has signed but itself. */
export async function startSelfSigned(): Promise<SelfSigned> {
  const { stdout: pem } = await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', '-', '-out', '-'],
  ])
  let trusted = 0
  const server = createServer({ key: pem, cert: pem }, (_, response) => {
    trusted++
    response.writeHead(500).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get trusted() {
      return trusted
    },
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
