import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** What the real servers call SmolLM2, and its end token. */
export const SERVED_MODEL = 'smollm2-135m-instruct'
export const SERVED_EOS_ID = 2

/** A real server with SmolLM2, on loopback. */
export interface RealServer {
  readonly kind: 'llama-server' | 'vllm'
  readonly url: string
  /** What it answers at temperature 0 when asked for exactly these ids, whole and without the end token. */
  answer(ids: readonly number[], maxTokens: number, bannedIds?: readonly number[]): Promise<RealAnswer>
  /** Tokens generated so far, by its own count. */
  tokensGenerated(): Promise<number>
  /** Whether a request is being answered. */
  isBusy(): Promise<boolean>
  stop(): Promise<void>
}

export interface RealAnswer {
  readonly ids: number[]
  readonly end: 'eos' | 'length'
}

export interface Launcher {
  readonly program: string
  readonly args: readonly (string | number)[]
  readonly env?: Record<string, string>
  /** Until it answers, in ms. */
  readonly patience: number
}

/** A server that answers /health, or how it ended before it did. `--host` and `--port` are added to its options. */
export async function launch({ program, args, env, patience }: Launcher): Promise<string | ServerProcess> {
  const port = await freePort()
  const server = spawn(program, [...args, '--host', '127.0.0.1', '--port', port].map(String), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  let log = ''
  server.stderr.on('data', (chunk) => {
    log = (log + chunk).slice(-4000)
  })
  const url = `http://127.0.0.1:${port}`
  if (!(await answers(server, `${url}/health`, patience))) {
    return `${program} ended with ${server.exitCode ?? server.signalCode}: ${log}`
  }
  return {
    url,
    stop: async () => {
      const gone = once(server, 'exit')
      server.kill()
      await gone
    },
  }
}

export interface ServerProcess {
  readonly url: string
  stop(): Promise<void>
}

/** The JSON that a POST answers, on a connection of its own: idle ones are closed at any time. */
export async function postJson(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Connection: 'close' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`)
  return response.json()
}

/** A value of a server's /metrics, summed over its labels. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { headers: { Connection: 'close' } })).text()
  const values = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'gm'))
  return [...values].reduce((sum, [, value]) => sum + Number(value), 0)
}

async function answers(server: ChildProcess, url: string, patience: number): Promise<boolean> {
  const end = Date.now() + patience
  while (server.exitCode === null && server.signalCode === null && Date.now() < end) {
    const response = await fetch(url).catch(() => undefined)
    if (response?.ok) return true
    await setTimeout(50)
  }
  server.kill()
  return false
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
