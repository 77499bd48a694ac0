import type { Context } from 'hono'
import { callerOf } from './access/caller.ts'

/** Who a request comes from, as far as turns and places are shared out: its key, or its address where it needs none. */
export function clientOf(c: Context): string {
  return callerOf(c).client ?? addressOf(c)
}

/**
 * The address that Cloudflare puts into this header. Miniflare puts one there too, but keeps what a client wrote itself, so that clients of a
 * local server can pass for many. An IPv6 address counts by its network of 64 bits, which one customer has to itself.
 */
export function addressOf(c: Context): string {
  const address = c.req.header('CF-Connecting-IP') ?? ''
  if (!address.includes(':')) return address
  const [start, end = ''] = address.split('::')
  const groups = start.split(':').filter(Boolean)
  const zeros = address.includes('::') ? 8 - groups.length - end.split(':').filter(Boolean).length : 0
  return [...groups, ...Array(zeros).fill('0'), ...end.split(':')].slice(0, 4).join(':')
}
