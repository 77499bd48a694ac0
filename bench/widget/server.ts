import { createReadStream, existsSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { PROJECT } from '../../src/serve/project.ts'
import { TEXTS } from './texts.ts'

const CHARACTERS_OF_TOKEN = 4.5
const STEP_MS = 20

const PEER_PAGE = `<!doctype html><style>body{margin:0}</style><script type="module">
import '/deep-chat.js'
const chat = document.createElement('deep-chat')
chat.style.cssText = 'width:100vw;height:100vh'
chat.connect = {
  stream: true,
  handler: async ({ messages }, { onOpen, onResponse, onClose }) => {
    const response = await fetch('/plain', { method: 'POST', body: messages.at(-1).text })
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    onOpen()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      onResponse({ text: value })
    }
    onClose()
    window.ended = true
  },
}
document.body.append(chat)
</script><body>`

/** A server on loopback that answers with a text of texts.ts, so many tokens a second, to the widget and to the peer. */
export async function startServer(tokensPerSecond: number) {
  const send = async (text: string, response: ServerResponse, frame: (piece: string) => string) => {
    const start = performance.now()
    for (let at = 0; at < text.length && !response.destroyed; ) {
      const due = (((performance.now() - start) / 1000) * tokensPerSecond + 1) * CHARACTERS_OF_TOKEN
      const end = Math.min(text.length, Math.round(due))
      if (end > at) response.write(frame(text.slice(at, end)))
      at = Math.max(at, end)
      await setTimeout(STEP_MS)
    }
  }
  const server = createServer(async (request, response) => {
    const path = request.url!
    if (path === '/peer') return response.writeHead(200, { 'Content-Type': 'text/html' }).end(PEER_PAGE)
    if (path === '/v1/models')
      return response.writeHead(200).end(JSON.stringify({ data: [{ id: 'model', object: 'model' }] }))
    if (request.method === 'POST') {
      let body = ''
      for await (const piece of request) body += piece
      if (path === '/plain') {
        response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' })
        await send(TEXTS[body], response, (piece) => piece)
        return response.end()
      }
      const question = JSON.parse(body).messages.at(-1).content
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      const chunk = (delta: object, finish_reason: string | null) =>
        `data: ${JSON.stringify({ id: 'chatcmpl-1', choices: [{ index: 0, delta, finish_reason }] })}\n\n`
      await send(TEXTS[question], response, (content) => chunk({ content }, null))
      return response.end(`${chunk({}, 'stop')}data: [DONE]\n\n`)
    }
    const peer = join(PROJECT, 'bench/node_modules/deep-chat/dist/deepChat.bundle.js')
    const file = path === '/deep-chat.js' ? peer : join(PROJECT, 'dist/assets', path === '/' ? 'index.html' : path)
    if (!existsSync(file)) return response.writeHead(404).end()
    response.writeHead(200, { 'Content-Type': file.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8' })
    createReadStream(file).pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
