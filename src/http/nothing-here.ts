import type { Context } from 'hono'
import { echo } from '../echo.ts'
import { ApiError } from './errors.ts'

/** For every path that nobody else takes. */
export function nothingHere({ req }: Context): never {
  throw new ApiError(404, 'unknown_url', `There is nothing at ${req.method} ${echo(req.path)}.`)
}
