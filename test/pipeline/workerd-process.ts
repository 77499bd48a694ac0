import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { basename, join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Bundle } from '../../src/serve/bundle-worker.ts'

// The one that Miniflare runs.
const require = createRequire(createRequire(import.meta.url).resolve('miniflare'))
const workerd: string = require('workerd').default

/** One Worker script with one class of Durable Objects, for a workerd of its own. */
export interface WorkerdScript {
  readonly bundle: Bundle
  readonly port: number
  /** Binding and name of the class. */
  readonly object: { readonly binding: string; readonly className: string }
  /** Folder behind the binding ASSETS. */
  readonly assets: string
  readonly vars: Readonly<Record<string, unknown>>
  /** Ports of other processes, by the names of their bindings. */
  readonly peers: Readonly<Record<string, number>>
}

/** A workerd on loopback that can be killed and started again in the same place. */
export class WorkerdProcess {
  readonly #config: string
  readonly #port: number
  #child: ChildProcess | undefined

  private constructor(config: string, port: number) {
    this.#config = config
    this.#port = port
  }

  static async start(script: WorkerdScript, config: string): Promise<WorkerdProcess> {
    await writeFile(config, capnp(script, config))
    const process = new WorkerdProcess(config, script.port)
    await process.start()
    return process
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(workerd, ['serve', '--experimental', this.#config], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child = child
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text
    })
    while (!(await listens(this.#port))) {
      if (child.exitCode !== null) throw new Error(`workerd ended: ${said}`)
      await setTimeout(20)
    }
  }

  /** At once, with no chance to say goodbye. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
}

/** With JavaScript RPC between processes, for which a connection to a host of this name stands. */
const HTTP = 'http = (capnpConnectHost = "rpc")'

/** Configuration of workerd: https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
function capnp({ bundle, port, object, assets, vars, peers }: WorkerdScript, config: string): string {
  // JSON escapes are escapes of Cap'n Proto's strings too.
  const text = (value: string) => JSON.stringify(value)
  const embed = (path: string) => `embed ${text(relative(join(config, '..'), path))}`
  const modules = bundle.modules.map(({ type, path }) => {
    const kind = type === 'ESModule' ? 'esModule' : 'wasm'
    return `(name = ${text(basename(path))}, ${kind} = ${embed(path)})`
  })
  const bindings = [
    '(name = "ASSETS", service = "assets")',
    `(name = ${text(object.binding)}, durableObjectNamespace = ${text(object.className)})`,
    ...Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`),
    ...Object.keys(peers).map((name) => `(name = ${text(name)}, service = ${text(name)})`),
  ]
  const external = Object.entries(peers).map(
    ([name, peer]) => `(name = ${text(name)}, external = (address = "127.0.0.1:${peer}", ${HTTP}))`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.join(', ')}],
      compatibilityDate = "2026-04-01",
      compatibilityFlags = ["nodejs_compat"],
      bindings = [${bindings.join(', ')}],
      durableObjectNamespaces = [(className = ${text(object.className)}, uniqueKey = "object", preventEviction = true, enableSql = true)],
      durableObjectStorage = (inMemory = void),
    )),
    (name = "assets", disk = ${text(assets)}),
    (name = "internet", network = (allow = ["public", "private"])),
    ${external.map((service) => `${service},`).join('\n    ')}
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", ${HTTP}, service = "main")],
);
`
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}
