import { readFileSync } from 'node:fs'
import { isInstalled, type PythonEnvironment, startPython } from '../python.ts'

/** What is tried with every client. */
export const FEATURES = ['answer', 'stream', 'hang up', 'schema', 'forced tool', 'tool loop', 'reasoning'] as const
export type Feature = (typeof FEATURES)[number]

export interface Target {
  /** Of the API, as OpenAI's clients want it: it ends in /v1. */
  readonly url: string
  readonly model: string
}

/** Throws, or rejects, where the client cannot do it. */
export type Cell = (target: Target) => Promise<void>
export type Cells = Partial<Record<Feature, Cell>>

/** A row of the matrix. */
export interface Client {
  readonly name: string
  /** The package and its version. */
  readonly version: string
  readonly installed: boolean
  /** What it does not do by itself, and why. */
  readonly lacks: Partial<Record<Feature, string>>
  start(): { readonly cells: Cells; stop(): Promise<void> }
}

/** A client for Node: one of the development dependencies. */
export function nodeClient(name: string, packageName: string, cells: Cells, lacks: Client['lacks'] = {}): Client {
  return {
    name,
    version: versionOf(packageName),
    installed: true,
    lacks,
    start: () => ({ cells, stop: async () => {} }),
  }
}

/** A client for Python: the script of this name in python/. */
export function pythonClient(
  name: string,
  pinned: string,
  { environment, script, args = [], lacks = {} }: PythonSource,
): Client {
  return {
    name,
    version: pinned,
    installed: isInstalled(environment),
    lacks,
    start() {
      const { call, stop } = startPython<Target & { feature: Feature }, { why?: string }>(
        environment,
        `matrix/python/${script}`,
        args,
      )
      const cell = (feature: Feature): Cell => {
        return async (target) => {
          const { why } = await call({ feature, ...target })
          if (why !== undefined) throw new Error(why)
        }
      }
      return { cells: Object.fromEntries(FEATURES.map((feature) => [feature, cell(feature)])), stop }
    },
  }
}

interface PythonSource {
  readonly environment: PythonEnvironment
  readonly script: string
  readonly args?: readonly string[]
  readonly lacks?: Client['lacks']
}

function versionOf(packageName: string): string {
  const { version } = JSON.parse(readFileSync(`node_modules/${packageName}/package.json`, 'utf8'))
  return `${packageName} ${version}`
}
