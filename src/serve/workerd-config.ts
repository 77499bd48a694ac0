import { createRequire } from 'node:module'
import { basename } from 'node:path'
import type { Bundle } from './bundle-worker.ts'

// The one that Miniflare runs.
const require = createRequire(createRequire(import.meta.url).resolve('miniflare'))

/** Path of the runtime's program. */
export const WORKERD: string = require('workerd').default

/** A Worker of one class of Durable Objects, and what it is bound to. */
export interface WorkerdScript {
  readonly modules: Bundle['modules']
  /** Path of a module as seen from the configuration. */
  readonly pathOf: (module: string) => string
  readonly compatibilityDate: string
  readonly compatibilityFlags: readonly string[]
  /** Where it listens, as `127.0.0.1:8787`. */
  readonly address: string
  /** Binding and name of the class. */
  readonly object: { readonly binding: string; readonly className: string }
  /** Folder behind the binding ASSETS; a relative path is one below the folder that workerd is started in. */
  readonly assets: string
  /** Folder of the objects' SQLite databases, which has to be there. */
  readonly storage: string
  readonly vars: Readonly<Record<string, unknown>>
  /** Variables that are read from the environment of workerd, null where it has none. */
  readonly environment?: readonly string[]
  /** Addresses of other processes, by the names of their bindings: JavaScript RPC goes over them. */
  readonly peers?: Readonly<Record<string, string>>
  /** Module of a Worker that answers in its place, bound to it as EDGE and to the assets; its variables, and those of the environment. */
  readonly front?: Pick<WorkerdScript, 'vars' | 'environment'> & { readonly module: string }
}

/** With JavaScript RPC between processes, for which a connection to a host of this name stands. */
const RPC = 'http = (capnpConnectHost = "rpc")'

/** Configuration of workerd: https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
export function workerdConfig(script: WorkerdScript): string {
  const { object, peers, front, environment } = script
  // JSON escapes are escapes of Cap'n Proto's strings too.
  const text = (value: string) => JSON.stringify(value)
  const json = (vars: object) =>
    Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`)
  const fromEnvironment = (names: readonly string[] = []) =>
    names.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`)
  const embedded = (kind: string, path: string) =>
    `(name = ${text(basename(path))}, ${kind} = embed ${text(script.pathOf(path))})`
  const modules = script.modules.map(({ type, path }) => embedded(type === 'ESModule' ? 'esModule' : 'wasm', path))
  const assets = '(name = "ASSETS", service = "assets")'
  const bindings = [
    assets,
    `(name = ${text(object.binding)}, durableObjectNamespace = ${text(object.className)})`,
    ...json(script.vars),
    ...fromEnvironment(environment),
    ...Object.keys(peers ?? {}).map((name) => `(name = ${text(name)}, service = ${text(name)})`),
  ]
  const compatibility = `compatibilityDate = ${text(script.compatibilityDate)},
      compatibilityFlags = [${script.compatibilityFlags.map(text).join(', ')}]`
  const services = [
    `(name = "edge", worker = (
      modules = [${modules.join(', ')}],
      ${compatibility},
      bindings = [${bindings.join(', ')}],
      durableObjectNamespaces = [(className = ${text(object.className)}, uniqueKey = "object", preventEviction = true, enableSql = true)],
      durableObjectStorage = (localDisk = "storage"),
    ))`,
    `(name = "assets", disk = ${text(script.assets)})`,
    `(name = "storage", disk = (path = ${text(script.storage)}, writable = true))`,
    '(name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))',
    ...Object.entries(peers ?? {}).map(
      ([name, address]) => `(name = ${text(name)}, external = (address = ${text(address)}, ${RPC}))`,
    ),
    ...(front
      ? [
          `(name = "front", worker = (
      modules = [${embedded('esModule', front.module)}],
      ${compatibility},
      bindings = [${[assets, '(name = "EDGE", service = "edge")', ...json(front.vars), ...fromEnvironment(front.environment)].join(', ')}],
    ))`,
        ]
      : []),
  ]
  const socket = [
    `name = "http", address = ${text(script.address)}, service = ${text(front ? 'front' : 'edge')}`,
    ...(peers ? [RPC] : []),
  ]
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(',\n    ')},
  ],
  sockets = [(${socket.join(', ')})],
);
`
}
