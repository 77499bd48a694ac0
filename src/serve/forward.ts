import { connect, createServer, type Server } from 'node:net'
import { pipeline } from 'node:stream'
import { z } from 'zod'
import { AddressError } from './errors.ts'

/** Where to listen. */
export interface Address {
  /** Name or address of a network interface. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
}

const port = z.string().regex(/^\d+$/).transform(Number).pipe(z.number().max(65535))

/** A host and a port as texts, of which an empty one is as good as none. Throws AddressError. */
export function readAddress(host: string | undefined, portText: string | undefined): Address {
  const parsed = port.safeParse(portText || '8787')
  if (parsed.success) return { host: host || '127.0.0.1', port: parsed.data }
  throw new AddressError(`${portText} is no port; give a whole number up to 65535, as --port 8788 or PORT=8788`)
}

/**
 * Listen at an address, and pass every connection on to a port of this machine as soon as that is known. Miniflare could listen there itself,
 * but its own server for what workerd asks of Node would then be open to the same network. The Worker sees one client at this machine,
 * which shares its places in the queue. Throws AddressError.
 */
export async function forward(address: Address, port: Promise<number>): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, async (client) => {
    // Of a connection that ends badly, both sides are destroyed: a client that hangs up is known to have done so.
    pipeline(client, connect({ host: '127.0.0.1', port: await port, allowHalfOpen: true }), client, () => {})
  })
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(address, resolve))
  } catch (error) {
    throw new AddressError(problem(error as NodeJS.ErrnoException, address))
  }
  return server
}

function problem({ code, message }: NodeJS.ErrnoException, { host, port }: Address): string {
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} is taken; stop what listens there, or take another, as --port ${port === 8788 ? 8789 : 8788}`
    case 'EACCES':
      return `port ${port} may not be taken by this user; take one above 1023, as --port 8788`
    default:
      return `host ${host} is no address of this machine (${message}); 127.0.0.1 is for this machine alone, 0.0.0.0 for all its networks`
  }
}

/** Where a browser on this machine finds what listens at an address; without a slash at the end. */
export function localOrigin({ host, port }: Address): string {
  const everywhere = ['127.0.0.1', '0.0.0.0', '::'].includes(host)
  const name = everywhere ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return new URL(`http://${name}:${port}`).origin
}
