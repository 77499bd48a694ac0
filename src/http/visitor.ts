import type { Context } from 'hono'

/**
 * Who a request comes from, as far as turns and places are shared out: the address that Cloudflare, and workerd under Miniflare, put into
 * this header in place of the client's own. An IPv6 address counts by its network of 64 bits, which one customer has to itself.
 */
export function clientOf(c: Context): string {
  const address = c.req.header('CF-Connecting-IP') ?? ''
  if (!address.includes(':')) return address
  const [start, end = ''] = address.split('::')
  const groups = start.split(':')
  const zeros = address.includes('::') ? 8 - groups.length - end.split(':').filter(Boolean).length : 0
  return [...groups, ...Array(zeros).fill('0'), ...end.split(':')].slice(0, 4).join(':')
}
