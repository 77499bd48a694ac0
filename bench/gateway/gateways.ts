import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import type { OriginKind } from '../../src/origin/clients/kinds.ts'
import { bundleWorker } from '../../src/serve/bundle-worker.ts'
import { freePorts, WorkerdProcess } from '../../test/pipeline/workerd-process.ts'

/** Where chat completions are asked for. */
export interface Gateway {
  readonly name: string
  /** Without a slash at the end. */
  readonly url: string
  readonly model: string
  readonly headers: Readonly<Record<string, string>>
  stop(): Promise<void>
}

export interface Upstream {
  readonly kind: OriginKind
  readonly url: string
  readonly model: string
}

const MODEL = 'smollm2-135m-instruct'
const PORTKEY = 'bench/node_modules/@portkey-ai/gateway/build/start-server.js'

/** The origin itself first, then every way through a gateway. */
export async function startGateways(origin: Upstream): Promise<Gateway[]> {
  const { url, model } = origin
  const gateways: Gateway[] = [{ name: 'direct', url, model, headers: {}, stop: async () => {} }]
  try {
    for (const start of [router, portkey, passThrough]) gateways.push(await start(origin))
  } catch (error) {
    await stopGateways(gateways)
    throw error
  }
  return gateways
}

export async function stopGateways(gateways: readonly Gateway[]): Promise<void> {
  for (const gateway of gateways) await gateway.stop()
}

async function router(origin: Upstream): Promise<Gateway> {
  const vars = { MODEL, CONTEXT_LENGTH: 2048, ORIGINS: JSON.stringify([{ name: 'origin', ...origin }]) }
  const worker = await startWorkerd('wrangler.toml', vars)
  return { name: 'nanbeige-edge', ...worker, model: `${MODEL}:origin`, headers: {} }
}

async function passThrough({ url, model }: Upstream): Promise<Gateway> {
  const worker = await startWorkerd('bench/gateway/wrangler.toml', { ORIGIN: url })
  return { name: 'workerd, bytes passed on', ...worker, model, headers: {} }
}

/** workerd alone: the front that Miniflare puts before a Worker is no part of a deployed one. */
async function startWorkerd(config: string, vars: Readonly<Record<string, unknown>>) {
  const bundle = await bundleWorker(config)
  const [port] = await freePorts(1)
  const object = { binding: 'EDGE', className: 'Edge' }
  const worker = await WorkerdProcess.start(
    { bundle, port, object, assets: resolve('dist/assets'), vars, peers: {} },
    join(bundle.modulesRoot, 'config.capnp'),
  )
  const stop = async () => {
    await worker.kill()
    await bundle.remove()
  }
  return { url: worker.url, stop }
}

async function portkey({ url, model }: Upstream): Promise<Gateway> {
  const [port] = await freePorts(1)
  const onLoopback = new URL('listen-on-loopback.ts', import.meta.url).href
  const args = ['--import', onLoopback, PORTKEY, `--port=${port}`, '--headless']
  const server = spawn(process.execPath, args, { stdio: 'ignore' })
  const gateway = {
    name: 'Portkey 1.15.2',
    url: `http://127.0.0.1:${port}`,
    model,
    headers: { Authorization: 'Bearer x', 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${url}/v1` },
    stop: () => stop(server),
  }
  while (!(await fetch(gateway.url).catch(() => undefined))?.ok) {
    if (server.exitCode !== null) {
      throw new Error('Portkey does not start: cd bench && npm install --omit=optional --ignore-scripts')
    }
    await setTimeout(100)
  }
  return gateway
}

/** scripted-origin.ts, with tokens about so many milliseconds apart. */
export async function startScriptedOrigin(intervalMs: number): Promise<Upstream & { stop(): Promise<void> }> {
  const script = new URL('scripted-origin.ts', import.meta.url).pathname
  const server = spawn(process.execPath, [script, `${intervalMs}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [url] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
  return { kind: 'vllm', url, model: 'scripted', stop: () => stop(server) }
}

async function stop(server: ChildProcess): Promise<void> {
  const gone = once(server, 'exit')
  server.kill()
  await gone
}
