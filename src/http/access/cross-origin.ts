import type { MiddlewareHandler } from 'hono'
import { every } from 'hono/combine'
import { cors } from 'hono/cors'
import { ROUTE_HEADER } from '../../route/wish.ts'
import { REQUEST_ID_HEADER } from '../messages/errors.ts'
import type { Sites } from './sites.ts'

const LIMITS = ['limit', 'remaining', 'reset'].flatMap((what) =>
  ['requests', 'tokens'].map((of) => `x-ratelimit-${what}-${of}`),
)

/** CORS for the sites that may ask. There are no cookies. */
export function crossOrigin(sites: Sites): MiddlewareHandler {
  return every(
    // A page of the internet that asks a server at home: https://wicg.github.io/private-network-access/
    async (c, next) => {
      await next()
      const asks = c.req.method === 'OPTIONS' && c.req.header('Access-Control-Request-Private-Network') === 'true'
      if (asks && sites.corsOrigin(c.req.header('Origin') ?? '') !== null) {
        c.header('Access-Control-Allow-Private-Network', 'true')
      }
    },
    cors({
      origin: (origin) => sites.corsOrigin(origin),
      allowMethods: ['GET', 'POST', 'DELETE'],
      exposeHeaders: ['Retry-After', ROUTE_HEADER, 'X-Request-Id', REQUEST_ID_HEADER, ...LIMITS],
      maxAge: 86_400,
    }),
  )
}
