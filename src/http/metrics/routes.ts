import { Hono } from 'hono'
import { callerOf } from '../access/caller.ts'
import { ApiError } from '../errors.ts'
import type { Health, Metrics } from './metrics.ts'

/** GET /metrics, for who owns the server. */
export function metricsRoute(metrics: Metrics, health: () => Health) {
  return new Hono().get('/metrics', (c) => {
    if (!callerOf(c).isOwner) throw new ApiError(403, 'key_needed', 'The metrics are for holders of a key.')
    return c.text(metrics.text(health()), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' })
  })
}
