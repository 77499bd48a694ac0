import { Hono } from 'hono'
import { callerOf } from '../access/caller.ts'
import { ApiError } from '../errors.ts'
import type { Health, Metrics } from './metrics.ts'

/** GET /metrics, for this machine without keys, and for keys that may read them. */
export function metricsRoute(metrics: Metrics, health: () => Health) {
  return new Hono().get('/metrics', (c) => {
    if (!callerOf(c).mayReadMetrics) {
      throw new ApiError(
        403,
        'metrics_not_allowed',
        'The metrics tell of all keys. A key may read them whose entry of API_KEYS has "metrics": true, as `nanbeige-edge key NAME --metrics` makes it.',
      )
    }
    return c.text(metrics.text(health()), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' })
  })
}
