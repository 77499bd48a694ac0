import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { findOrigin } from './find-origin.ts'

let server: Server
let url: string
/** Status and body of /v1/models. */
let answer: [number, unknown]
let authorization: string | undefined

beforeAll(async () => {
  server = createServer((request, response) => {
    authorization = request.headers.authorization
    const [status, body] = request.url === '/v1/models' ? answer : [404, {}]
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

// As vLLM 0.32, SGLang 0.5 and llama-server write it.
it.for([
  ['vllm', 'vllm'],
  ['sglang', 'sglang'],
  ['llamacpp', 'llama-server'],
  ['somebody', 'openai'],
  [undefined, 'openai'],
])('a server whose models are owned by %s is of kind %s', async ([owned_by, kind]) => {
  answer = [200, { object: 'list', data: [{ id: 'a/model', object: 'model', owned_by }] }]
  expect(await findOrigin(`${url}/v1/`, undefined, 'edge')).toEqual({ name: 'origin', kind, url, model: 'a/model' })
})

it('is told its kind, and brings its key', async () => {
  answer = [200, { data: [{ id: 'm', owned_by: 'llamacpp' }] }]
  expect(await findOrigin(`vllm+${url}`, 'secret', 'edge')).toMatchObject({ kind: 'vllm', url })
  expect(authorization).toBe('Bearer secret')
})

it('of several models takes the one of the same name', async () => {
  answer = [200, { data: [{ id: 'other' }, { id: 'owner/Edge-Model' }] }]
  expect(await findOrigin(url, undefined, 'edge-model')).toMatchObject({ model: 'owner/Edge-Model' })
  await expect(findOrigin(url, undefined, 'third')).rejects.toThrow(
    /several models \(other, owner\/Edge-Model\); .*ORIGINS/,
  )
})

it('says what is wrong', async () => {
  const rejects = (text: string, message: RegExp) => expect(findOrigin(text, undefined, 'm')).rejects.toThrow(message)
  await rejects('gpu:8000', /gpu:8000 is no address, such as http/)
  await rejects('tgi+http://gpu', /tgi is not a kind of server that is known: vllm, sglang, llama-server, openai/)
  await rejects('http://127.0.0.1:9', /127\.0\.0\.1:9\/v1\/models cannot be reached; start the origin first/)
  answer = [401, { error: 'no' }]
  await rejects(url, /wants a key; set ORIGIN_KEY/)
  for (answer of [
    [500, { data: [{ id: 'm' }] }],
    [200, '<html>'],
    [200, { data: [] }],
  ] as [number, unknown][]) {
    await rejects(url, /answers no list of models \(status \d+\)/)
  }
})
