import { expect, test } from 'vitest'
import { parseApiKeys } from '../http/access/api-keys.ts'
import { accessVars } from './access-vars.ts'

const HERE = { host: '127.0.0.1', port: 8787 }

test("the only key is the owner's, and reads the metrics", async () => {
  const { API_KEYS, ACCESS } = await accessVars({ key: 'secret' }, HERE, false)
  expect(parseApiKeys(API_KEYS!)).toMatchObject([{ name: 'serve', metrics: true }])
  expect(ACCESS).toBe('loopback')
})

test('other machines are not served without a key, unless strangers are', async () => {
  const everywhere = { ...HERE, host: '0.0.0.0' }
  await expect(accessVars({}, everywhere, false)).rejects.toThrow('say who may ask')
  expect(await accessVars({ public: true }, everywhere, false)).toEqual({ ACCESS: 'public-shared' })
})
