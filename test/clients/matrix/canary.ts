import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Target } from './client.ts'

interface Probe {
  readonly name: string
  readonly status: 'pass' | 'warn' | 'fail'
  readonly summary: string
}

/** What compatcanary's probes of an API of OpenAI's kind find. */
export async function scan({ url, model }: Target): Promise<readonly Probe[]> {
  // Seconds for a probe: its own 30 are few on a busy machine.
  const patience = ['--timeout', '100']
  const options = ['--base-url', url, '--model', model, '--format', 'json', '--fail-on', 'never', ...patience]
  const command = ['node_modules/compatcanary/src/cli.js', 'scan', ...options]
  const { stdout } = await promisify(execFile)(process.execPath, command)
  return JSON.parse(stdout).results
}
