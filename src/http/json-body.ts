import { createMiddleware } from 'hono/factory'
import { ApiError } from './errors.ts'

const JSON_MEDIA_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i

/** Refuses bodies that are not declared JSON: a browser form on another site cannot declare it without CORS. */
export const requireJson = createMiddleware(async (c, next) => {
  if (!JSON_MEDIA_TYPE.test(c.req.header('Content-Type') ?? '')) {
    throw new ApiError(415, 'unsupported_media_type', "Send the body as JSON, with 'Content-Type: application/json'.")
  }
  await next()
})
