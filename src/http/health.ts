import { Hono } from 'hono'
import type { Access } from './access/access.ts'
import type { Health } from './metrics/metrics.ts'

/** GET /: whether the server works, and to its owner how it is. @param health must neither load the model nor wait for it. */
export function health(access: Access, health: () => Health) {
  return new Hono().get('/', async (c) => {
    const told = health()
    try {
      access.check()
    } catch {
      return c.json({ status: 'error' })
    }
    const isOwner = await access.caller(c).then(
      (caller) => caller.isOwner,
      () => false,
    )
    return c.json(isOwner ? told : { status: told.status })
  })
}
