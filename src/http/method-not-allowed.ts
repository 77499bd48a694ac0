import type { Handler } from 'hono'
import { echo } from '../echo.ts'
import { ApiError } from './errors.ts'

/** For a known path, after its own handler. */
export function methodNotAllowed(allowed: string): Handler {
  return (c) => {
    throw new ApiError(
      405,
      'method_not_allowed',
      `${echo(c.req.path)} does not take ${c.req.method}, only ${allowed}.`,
      {
        headers: { Allow: allowed },
      },
    )
  }
}
