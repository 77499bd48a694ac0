import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { collect, configs, requestOf } from '../../test/origins/collect.ts'
import { tokenizer } from '../../test/origins/letters-model.ts'
import { openOrigins } from './origins.ts'

test('what follows an answer is read, so that the next request goes over the same connection', async () => {
  const answered = new Map<object, number>()
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    if (request.url === '/v1/models') return response.end(JSON.stringify({ data: [{ id: 'letters' }] }))
    if (request.url === '/tokenize') {
      return response.end(JSON.stringify({ tokens: tokenizer.encode(JSON.parse(text).prompt) }))
    }
    answered.set(request.socket, (answered.get(request.socket) ?? 0) + 1)
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write('data: {"choices":[{"text":"a","token_ids":[97],"finish_reason":"length"}]}\n\n')
    await setTimeout(20)
    response.end('data: {"choices":[],"usage":{"completion_tokens":1}}\n\ndata: [DONE]\n\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const origins = await openOrigins(configs({ url }), { tokenizer, log: () => {} })
    for (let request = 0; request < 3; request++) {
      expect((await collect(origins.continueAtOrigin(requestOf()))).ids).toEqual([97])
      await setTimeout(60)
    }
    expect([...answered.values()]).toEqual([3])
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
