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

/** Where scripts/install-vllm.sh puts things. */
const CACHE = new URL('../../node_modules/.cache/vllm/', import.meta.url).pathname
const PROGRAM = `${CACHE}venv/bin/vllm`
const MODEL = `${CACHE}model`
const OPTIONS = ['--enforce-eager', '--dtype', 'float32', '--max-model-len', 2048]
/** It imports, loads and warms up for two minutes or so. */
const START_TIMEOUT_MS = 10 * 60_000

/** Why vLLM cannot run here; undefined: it can. */
export function vllmMissing(): string | undefined {
  const missing = [PROGRAM, MODEL].find((file) => !existsSync(file))
  return missing && `${missing} is not there: run scripts/install-vllm.sh`
}

/** The real vLLM with SmolLM2 on the CPU, which takes 5 GB of memory. */
export async function startVllm(): Promise<RealServer> {
  const started = await launch({
    program: PROGRAM,
    args: ['serve', MODEL, '--served-model-name', SERVED_MODEL, ...OPTIONS],
    env: {
      VLLM_CPU_KVCACHE_SPACE: '1',
      VLLM_CPU_OMP_THREADS_BIND: '0',
      HF_HUB_OFFLINE: '1',
      VLLM_NO_USAGE_STATS: '1',
    },
    patience: START_TIMEOUT_MS,
  })
  if (typeof started === 'string') throw new Error(started)
  const { url, stop } = started
  return {
    kind: 'vllm',
    url,
    answer: (...question) => answer(url, ...question),
    tokensGenerated: () => metric(url, 'vllm:generation_tokens_total'),
    isBusy: async () => (await metric(url, 'vllm:num_requests_running')) > 0,
    stop,
  }
}

async function answer(
  url: string,
  ids: readonly number[],
  maxTokens: number,
  bannedIds: readonly number[] = [],
): Promise<RealAnswer> {
  const body = {
    model: SERVED_MODEL,
    prompt: ids,
    max_tokens: maxTokens,
    temperature: 0,
    logit_bias: Object.fromEntries(bannedIds.map((id) => [id, -100])),
    return_token_ids: true,
  }
  const { choices } = (await postJson(`${url}/v1/completions`, body)) as {
    choices: { token_ids: number[]; finish_reason: string }[]
  }
  const [{ token_ids, finish_reason }] = choices
  return {
    ids: token_ids.filter((id) => id !== SERVED_EOS_ID),
    end: finish_reason === 'stop' ? 'eos' : 'length',
  }
}
