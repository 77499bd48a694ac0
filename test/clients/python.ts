import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'

const ENVIRONMENTS = 'node_modules/.cache/python-clients'

/** The environments that scripts/install-python-clients.sh makes of Python's clients. */
export type PythonEnvironment =
  | 'openai-1'
  | 'openai-2'
  | 'openai-3'
  | 'litellm'
  | 'httpx-sse'
  | 'clients'
  | 'instructor'
  | 'schemathesis'
  | 'llama-index'

export interface PythonScript<Input, Output> {
  /** One at a time. Rejects where the script ended. */
  call(input: Input): Promise<Output>
  stop(): Promise<void>
}

export function isInstalled(environment: PythonEnvironment): boolean {
  return existsSync(`${ENVIRONMENTS}/${environment}/installed`)
}

/** Runs a script of this folder, which answers each line of JSON with one: LiteLLM takes ten seconds to start. */
export function startPython<Input, Output>(
  environment: PythonEnvironment,
  script: string,
  args: readonly string[] = [],
): PythonScript<Input, Output> {
  const path = new URL(script, import.meta.url).pathname
  const child = spawn(`${ENVIRONMENTS}/${environment}/bin/python`, [path, ...args], { stdio: 'pipe' })
  const exit = once(child, 'exit')
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaints += text
  })
  // What is written to a script that ended is told by its missing answer.
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async call(input) {
      child.stdin.write(`${JSON.stringify(input)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error(`${script} in ${environment} ended: ${complaints}`)
      return JSON.parse(value)
    },
    async stop() {
      child.kill()
      await exit
    },
  }
}
