import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'

const MEDIA_TYPES: Record<string, string> = { '.js': 'text/javascript', '.wasm': 'application/wasm' }

/**
 * Serves a page with an input for files at / and a folder at /wllama/ on a free loopback port. Without the cross-origin
 * isolation headers, so that the page gets no shared memory and stays on one thread.
 */
export async function serveOnLoopback(folder: string): Promise<{ url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://loopback')
    if (pathname === '/')
      return response.setHeader('content-type', 'text/html').end('<!doctype html><input type="file" multiple>')
    // URL has resolved every ".." before the folder is put in front.
    const path = join(folder, pathname.replace(/^\/wllama\//, ''))
    const file = await stat(path).catch(() => undefined)
    if (!file?.isFile()) return response.writeHead(404).end()
    response.setHeader('content-type', MEDIA_TYPES[extname(path)] ?? 'application/octet-stream')
    response.setHeader('content-length', file.size)
    createReadStream(path).pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
