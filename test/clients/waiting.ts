import { once } from 'node:events'
import { request } from 'node:http'
import { vi } from 'vitest'

/** Begins an answer that goes on to the end of the context, unless the returned function is called: all others wait for their turn. */
async function holdTurn(server: string): Promise<() => void> {
  const holder = request(`${server}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: 'Bearer holder' },
  })
  holder.on('error', () => {})
  const messages = [{ role: 'user', content: 'Tell me a very long story.' }]
  holder.end(JSON.stringify({ messages, stream: true, logit_bias: { 2: -100 } }))
  const [response] = await once(holder, 'response')
  // The first token follows the event with the role.
  for (let said = ''; !/"content":"[^"]/.test(said); ) {
    const [chunk] = await once(response, 'data')
    said += chunk
  }
  response.on('error', () => {}).resume()
  return () => holder.destroy()
}

/** What is answered to a client that waits behind another one until a condition holds. */
export async function answeredAfterWaiting<T>(
  server: string,
  ask: () => Promise<T>,
  condition: () => void,
): Promise<T> {
  const letGo = await holdTurn(server)
  const asking = ask()
  try {
    await Promise.race([asking, vi.waitFor(condition, { timeout: 60_000 })])
  } finally {
    letGo()
  }
  condition()
  return asking
}
