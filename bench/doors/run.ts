// Tries 10,000 credentials that are nearly right on the real Worker in workerd, and measures how long it takes to refuse them.
//
//   npm run bench:doors                  10,000 credentials
//   npm run bench:doors -- 100000        as many as one has time for
//
// None may be let in, and the time may not tell how much of a key is right: refusals of keys whose first letters are right, of keys that are
// wrong from their first letter on, and of tokens with a right body, taken in turns, have the same distribution.
import { createHash, randomBytes } from 'node:crypto'
import { createRandom } from '../../src/generate/random.ts'
import { startWorker } from '../../src/serve/start-worker.ts'
import { wrongCredentials } from '../../test/support/wrong-credentials.ts'

const SEED = 20261126
const TIMED = 1500
const SITE = 'https://shop.example'
const count = Number(process.argv[2] ?? 10_000)

const keys = [0, 1].map((index) => ({ name: `key-${index}`, key: `nb-${randomBytes(32).toString('base64url')}` }))
const apiKeys = keys.map(({ name, key }) => ({ name, sha256: createHash('sha256').update(key).digest('hex') }))
const server = await startWorker({
  port: 0,
  vars: { API_KEYS: JSON.stringify(apiKeys), ALLOWED_ORIGINS: SITE },
  silent: true,
})

const ask = (credential: string) =>
  fetch(`${server.url}/v1/models`, { headers: { Origin: SITE, Authorization: `Bearer ${credential}` } })

async function statusOf(credential: string): Promise<number> {
  const response = await ask(credential)
  await response.arrayBuffer()
  return response.status
}

async function tokenOf(key: string): Promise<string> {
  const response = await fetch(`${server.url}/v1/widget-tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    body: JSON.stringify({ site: SITE }),
  })
  return ((await response.json()) as { token: string }).token
}

try {
  const right = [...keys.map(({ key }) => key), ...(await Promise.all(keys.map(({ key }) => tokenOf(key))))]
  const letIn = await Promise.all(right.map(statusOf))
  console.log(`right ones: ${letIn.join(', ')}`)

  const statuses = new Map<number, number>()
  for (const credential of wrongCredentials(right, count, createRandom(SEED))) {
    const status = await statusOf(credential)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  console.log(
    `${count} nearly right ones: ${Array.from(statuses, ([status, times]) => `${status} × ${times}`).join(', ')}`,
  )
  await compareTimes(keys[0].key, right[2])
  if (statuses.size !== 1 || !statuses.has(401)) process.exitCode = 1
} finally {
  await server.stop()
}

async function compareTimes(key: string, token: string): Promise<void> {
  const other = (text: string, at: number) => text.slice(0, at) + (text[at] === 'x' ? 'y' : 'x') + text.slice(at + 1)
  const kinds: Record<string, string> = {
    'a key, wrong in its first letter': other(key, 0),
    'a key, wrong in its middle': other(key, key.length >> 1),
    'a key, wrong in its last letter': other(key, key.length - 1),
    'the same, once more': other(key, key.length - 1),
    'a token, wrong at the start of its signature': other(token, token.lastIndexOf('.') + 1),
    'a token, wrong near the end of its signature': other(token, token.length - 2),
  }
  const times = new Map(Object.keys(kinds).map((kind) => [kind, [] as number[]]))
  for (let round = 0; round < TIMED; round++) {
    for (const [kind, credential] of Object.entries(kinds)) {
      const start = performance.now()
      await statusOf(credential)
      times.get(kind)!.push((performance.now() - start) * 1000)
    }
  }
  console.log(`\ntime to refuse, µs, ${TIMED} of each in turns: median (quarter – three quarters)`)
  for (const [kind, all] of times) {
    all.sort((a, b) => a - b)
    const quantile = (share: number) => all[Math.floor(share * all.length)].toFixed(0)
    console.log(`${quantile(0.5).padStart(6)} (${quantile(0.25)} – ${quantile(0.75)})  ${kind}`)
  }
}
