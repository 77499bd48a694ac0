import { echo } from '../echo.ts'

export type RouteWish = 'edge' | 'origin'

/** Header by which a client says where its answer should come from: `edge`, `origin` or `auto`. */
export const ROUTE_HEADER = 'x-nanbeige-route'

export class RouteWishError extends Error {
  readonly code = 'invalid_route'

  constructor(value: string) {
    super(`'${echo(value)}' is no route: send 'edge', 'origin' or 'auto' in ${ROUTE_HEADER}.`)
    this.name = 'RouteWishError'
  }
}

/**
 * The model's own name and where the client wants its answer from: the suffix `:edge` or `:origin` of the model, or else
 * the header. Throws RouteWishError.
 */
export function routeWish(model: string, header: string | null): { model: string; wish: RouteWish | undefined } {
  if (header !== null && !['edge', 'origin', 'auto'].includes(header)) throw new RouteWishError(header)
  const wish = header === 'edge' || header === 'origin' ? header : undefined
  for (const suffix of ['edge', 'origin'] as const) {
    if (model.toLowerCase().endsWith(`:${suffix}`)) return { model: model.slice(0, -suffix.length - 1), wish: suffix }
  }
  return { model, wish }
}
