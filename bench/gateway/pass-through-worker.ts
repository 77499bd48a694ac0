// The least that the same way can do, from the Worker to the object to the origin: bytes are passed on as they are.
import { DurableObject } from 'cloudflare:workers'

interface Env {
  readonly EDGE: { getByName(name: string): { fetch(request: Request): Promise<Response> } }
  readonly ORIGIN: string
}

export class Edge extends DurableObject<Env> {
  override fetch(request: Request): Promise<Response> {
    return fetch(this.env.ORIGIN + new URL(request.url).pathname, request)
  }
}

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    return env.EDGE.getByName('edge').fetch(request)
  },
}
