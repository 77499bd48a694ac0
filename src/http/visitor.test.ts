import { Hono } from 'hono'
import { expect, test } from 'vitest'
import { clientOf } from './visitor.ts'

test.each([
  [undefined, ''],
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['2001:db8::', '2001:db8:0:0'],
])('%s comes from %j', async (address, client) => {
  const app = new Hono().get('/', (c) => c.text(clientOf(c)))
  const response = await app.request('/', { headers: address === undefined ? {} : { 'CF-Connecting-IP': address } })
  expect(await response.text()).toBe(client)
})
