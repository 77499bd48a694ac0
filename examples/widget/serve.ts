// The pages of this folder on http://localhost:8080, and the server that they ask: `npm run examples`.
import { readdir, readFile } from 'node:fs/promises'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { startWorker } from '../../src/serve/start-worker.ts'

const PORT = 8080

/** @param api what the pages ask instead of http://localhost:8787. @param key of the site, where the API wants one. */
export async function examplePages(api: string, key = 'none'): Promise<Hono> {
  const app = new Hono()
  // As ../widget-token.mjs does it.
  app.get('/chat-token', async (c) => {
    const made = await fetch(`${api}/v1/widget-tokens`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ site: new URL(c.req.url).origin }),
    })
    return new Response(await made.text(), { status: made.status, headers: { 'Content-Type': 'application/json' } })
  })
  const files = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.html'))
  for (const file of files) {
    app.get(`/${file}`, async (c) => {
      const page = await readFile(new URL(file, import.meta.url), 'utf8')
      return c.html(page.replaceAll('http://localhost:8787', api))
    })
  }
  const links = files.map((file) => `<li><a href="/${file}">${file}</a></li>`).join('')
  return app.get('/', (c) =>
    c.html(`<!doctype html><html lang="en"><title>Examples</title><h1>Examples</h1><ul>${links}</ul></html>`),
  )
}

if (import.meta.main) {
  const { url } = await startWorker({ port: 0 })
  serve({ fetch: (await examplePages(url)).fetch, port: PORT, hostname: '127.0.0.1' })
  console.log(`The examples are on http://localhost:${PORT}, and what they ask on ${url}. Ctrl-C ends both.`)
}
