import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'

/** A worker of this benchmark. */
export interface Posted {
  readonly url: string
}

/** Post JSON to a route and parse what it answers. */
export async function post<T>(worker: Posted, path: string, body: unknown = null): Promise<T> {
  return (await (await send(worker, path, body)).json()) as T
}

/** The lines of an answer, as they come. */
export async function* postForLines(worker: Posted, path: string, body: unknown): AsyncGenerator<string> {
  yield* createInterface({ input: Readable.fromWeb((await send(worker, path, body)).body as never) })
}

/** Each on a connection of its own: behind a computation of half a minute workerd cuts one that is kept for the next request. */
async function send({ url }: Posted, path: string, body: unknown): Promise<Response> {
  const request = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', Connection: 'close' },
  }
  const response = await fetch(url + path, request)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response
}
