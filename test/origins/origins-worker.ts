import { DurableObject } from 'cloudflare:workers'
import { parseOrigins } from '../../src/origin/origin-config.ts'
import { type Origins, openOrigins } from '../../src/origin/origins.ts'
import { answerOnce, type OnceRequest } from './answer-once.ts'
import { collect, requestOf } from './collect.ts'
import { tokenizer } from './letters-model.ts'

interface Env extends Readonly<Record<string, unknown>> {
  readonly POOL: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
}

/** /answer: the ids and the end of an answer; /leave: the first ids, then the reader goes away; /health: health and log. */
export class Pool extends DurableObject<Env> {
  readonly #lines: object[] = []
  #origins: Promise<Origins> | undefined

  override async fetch(request: Request): Promise<Response> {
    const log = (entry: object) => this.#lines.push(entry)
    this.#origins ??= openOrigins(parseOrigins(this.env.ORIGINS, this.env), { tokenizer, log })
    const origins = await this.#origins
    switch (new URL(request.url).pathname) {
      case '/answer': {
        const { ids, end } = await collect(origins.continueAtOrigin(requestOf()))
        return Response.json({ ids, end })
      }
      case '/leave': {
        const stream = origins.continueAtOrigin(requestOf({ maxTokens: 3000 }))
        for (let i = 0; i < 5; i++) await stream.next()
        await stream.return('aborted')
        return Response.json({ ids: [], end: 'left' })
      }
      default:
        return Response.json({ origins: origins.health(), lines: this.#lines })
    }
  }
}

/** /once: an answer of the origins in the request; anything else is the pool's. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname === '/once') {
      return Response.json(await answerOnce((await request.json()) as OnceRequest))
    }
    return env.POOL.getByName('pool').fetch(request)
  },
}
