import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleWidget } from '../../scripts/build-widget.ts'

/** As strict as an embedding page's policy gets: scripts from here, no inline styles, no fonts, no trusted HTML but by a policy's leave. */
const POLICY =
  "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types lit-html dompurify"

/** A server on loopback with a page that has one <markdown-view> and the strictest policy. */
export async function startMarkdownPage() {
  const folder = await mkdtemp(join(tmpdir(), 'markdown-page-'))
  await bundleWidget(folder, 'test/support/markdown-view.ts')
  const server = createServer(({ url }, response) => {
    if (url === '/') {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': POLICY })
      response.end(
        '<!doctype html><title>Markdown</title><script type="module" src="/widget.js"></script><markdown-view></markdown-view>',
      )
    } else if (/^\/(?:widget\/)?[\w-]+\.js$/.test(url!)) {
      response.writeHead(200, { 'Content-Type': 'text/javascript' })
      createReadStream(join(folder, url!)).pipe(response)
    } else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true })
    },
  }
}
