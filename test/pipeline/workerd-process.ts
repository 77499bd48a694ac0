import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join, relative } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Bundle } from '../../src/serve/bundle-worker.ts'
import { WORKERD, workerdConfig } from '../../src/serve/workerd-config.ts'

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
    const { bundle, port, peers, ...rest } = script
    const storage = `${config}.storage`
    const text = workerdConfig({
      ...rest,
      storage,
      modules: bundle.modules,
      pathOf: (module) => relative(join(config, '..'), module),
      compatibilityDate: '2026-04-01',
      compatibilityFlags: ['nodejs_compat'],
      address: `127.0.0.1:${port}`,
      peers: Object.fromEntries(Object.entries(peers).map(([name, peer]) => [name, `127.0.0.1:${peer}`])),
    })
    await writeFile(config, text)
    await mkdir(storage, { recursive: true })
    const process = new WorkerdProcess(config, script.port)
    await process.start()
    return process
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(WORKERD, ['serve', '--experimental', this.#config], { stdio: ['ignore', 'ignore', 'pipe'] })
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
