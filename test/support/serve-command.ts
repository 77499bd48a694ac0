import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { vi } from 'vitest'

const CLI = new URL('../../src/cli/main.ts', import.meta.url).pathname

export interface ServeCommand {
  readonly url: string
  /** All that it has written. */
  readonly output: string
  /** By a signal; the status that it ended with. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** `nanbeige-edge serve` on a free port, as soon as it serves. Rejects with what it wrote where it does not. */
export async function serveCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServeCommand> {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  await vi.waitUntil(() => output.includes('Ctrl-C') || child.exitCode !== null, { timeout: 60_000, interval: 20 })
  const [, url] = output.match(/ at (http:\S+) after/) ?? []
  if (url === undefined) throw new Error(output)
  return {
    url,
    get output() {
      return output
    },
    async stop(signal = 'SIGINT') {
      child.kill(signal)
      const [status] = await exit
      return status
    },
  }
}
