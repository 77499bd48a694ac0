import { Hono } from 'hono'
import { z } from 'zod'
import type { Access } from './access/access.ts'
import { jsonBody } from './json-body.ts'

/** A page asks for the next one when this one is spent. */
const DEFAULT_SECONDS = 600
const MAX_SECONDS = 3600
/** A conversation by hand. */
const DEFAULT_REQUESTS = 60
const DEFAULT_TOKENS = 20_000
const MAX_COUNT = 1_000_000

const count = z.int().min(1).max(MAX_COUNT).nullish()

/** The body of POST /v1/widget-tokens. */
export const widgetTokenBody = z.looseObject({
  /** Origin of the site, as https://shop.example. */
  site: z.string(),
  seconds: z.int().min(1).max(MAX_SECONDS).nullish(),
  requests: count,
  /** Of prompts and answers. */
  tokens: count,
})

/** POST /widget-tokens: a token for the pages of one site, made with a key by the server of that site. */
export function widgetTokens(access: Access) {
  return new Hono().post('/widget-tokens', async (c) => {
    const { body } = await jsonBody(c, widgetTokenBody)
    const { site, seconds, requests, tokens } = body
    const token = await access.widgetToken(c, site, {
      seconds: seconds ?? DEFAULT_SECONDS,
      requests: requests ?? DEFAULT_REQUESTS,
      tokens: tokens ?? DEFAULT_TOKENS,
    })
    return c.json({ object: 'widget.token', ...token }, 200, { 'Cache-Control': 'no-store' })
  })
}
