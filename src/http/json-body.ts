import type { Context } from 'hono'
import type { z } from 'zod'
import { ApiError, invalidBody } from './errors.ts'
import { checkJsonSize } from './json-size.ts'
import { readBody } from './request-body.ts'

const JSON_MEDIA_TYPE = /^application\/([\w.-]+\+)?json\s*(;|$)/i

/**
 * A request's body, in the form of a schema, and its JSON as it came. Throws an ApiError.
 * @param schema or what chooses it by the body's fields
 */
export async function jsonBody<Schema extends z.ZodType>(
  c: Context,
  schema: Schema | ((json: object) => Schema),
): Promise<{ readonly body: z.output<Schema>; readonly source: string }> {
  requireJson(c)
  const source = await readBody(c.req.raw)
  checkJsonSize(source)
  const json = parsed(source)
  const isObject = typeof json === 'object' && json !== null
  const chosen = typeof schema === 'function' ? schema(isObject ? json : {}) : schema
  const { success, data, error } = chosen.safeParse(json)
  if (!success) throw invalidBody(error.issues)
  return { body: data, source }
}

/** Refuses bodies that are not declared JSON: a browser form on another site cannot declare it without CORS. */
function requireJson(c: Context): void {
  if (!JSON_MEDIA_TYPE.test(c.req.header('Content-Type') ?? '')) {
    throw new ApiError(415, 'unsupported_media_type', "Send the body as JSON, with 'Content-Type: application/json'.")
  }
  const encoding = c.req.header('Content-Encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') {
    throw new ApiError(415, 'unsupported_content_encoding', 'Send the body uncompressed, without Content-Encoding.', {
      headers: { 'Accept-Encoding': 'identity' },
    })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ApiError(400, 'invalid_json', 'The body is no JSON: it is malformed, or was cut.')
  }
}
