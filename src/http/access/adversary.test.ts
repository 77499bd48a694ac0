import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { FakeModel, fakeChat } from '../../../test/support/fake-model.ts'
import { wrongCredentials } from '../../../test/support/wrong-credentials.ts'
import { createRandom } from '../../generate/random.ts'
import { createApp } from '../app.ts'

const SITE = 'https://shop.example'
const KEYS = ['nb-a_key-of-43-letters-as-the-command-makes-them', 'nb-another_key-with-the-same-number-of-letters-x']

// bench/doors/run.ts tries 10,000 in workerd.
it('2,000 credentials that are nearly right let nobody in', async () => {
  const apiKeys = KEYS.map((key, index) => ({
    name: `key-${index}`,
    sha256: createHash('sha256').update(key).digest('hex'),
  }))
  const app = createApp({
    model: async () => fakeChat(new FakeModel('Hi')),
    health: () => ({}),
    access: { apiKeys: JSON.stringify(apiKeys), allowedOrigins: SITE },
  })
  const models = async (credential: string) =>
    (await app.request('/v1/models', { headers: { Origin: SITE, Authorization: `Bearer ${credential}` } })).status
  const tokenOf = async (key: string) => {
    const response = await app.request('/v1/widget-tokens', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
      body: JSON.stringify({ site: SITE }),
    })
    return ((await response.json()) as { token: string }).token
  }
  const right = [...KEYS, ...(await Promise.all(KEYS.map(tokenOf)))]
  for (const credential of right) expect(await models(credential)).toBe(200)
  for (const credential of wrongCredentials(right, 2000, createRandom(7))) {
    expect(await models(credential), credential).toBe(401)
  }
})
