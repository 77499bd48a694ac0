import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'

const ENVIRONMENTS = 'node_modules/.cache/python-clients'

/** The environments that scripts/install-python-clients.sh makes of Python's clients. */
export type PythonEnvironment = 'openai-1' | 'openai-2' | 'openai-3' | 'litellm' | 'httpx-sse'

export function isInstalled(environment: PythonEnvironment): boolean {
  return existsSync(`${ENVIRONMENTS}/${environment}/installed`)
}

/** Runs a script of this folder: JSON in, JSON out, which is its last line. */
export async function runPython<T>(environment: PythonEnvironment, script: string, input: object): Promise<T> {
  const path = new URL(script, import.meta.url).pathname
  const child = spawn(`${ENVIRONMENTS}/${environment}/bin/python`, [path], { stdio: 'pipe' })
  const exit = once(child, 'exit')
  child.stdin.end(JSON.stringify(input))
  const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await exit
  if (code !== 0) throw new Error(`${script} in ${environment}: ${complained}`)
  return JSON.parse(said.trim().split('\n').at(-1)!)
}
