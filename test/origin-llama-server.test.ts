import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createRandom } from '../src/generate/random.ts'
import { History } from '../src/origin/history.ts'
import { openOrigins } from '../src/origin/origins.ts'
import { decode } from '../src/tokenizer/detokenizer.ts'
import { loadTokenizer } from '../src/tokenizer/load.ts'
import { collect, configs, requestOf } from './origins/collect.ts'
import { type Fault, type FaultProxy, startFaultProxy } from './origins/fault-proxy.ts'
import { LLAMA_MODEL, type LlamaServer, llamaServerMissing, startLlamaServer } from './origins/llama-server.ts'
import { smolLm2Tables } from './smollm2-tokenizer-tables.ts'

const EOS_ID = 2
const TIMERS = { connectMs: 5000, firstTokenMs: 30_000, idleMs: 2000, totalMs: 120_000 }
const LENGTH = 48

const missing = llamaServerMissing() ?? (smolLm2Tables() ? undefined : 'the embedded pack is not there')
if (missing) console.warn(`The tests with the real llama-server are skipped: ${missing}.`)

describe.skipIf(missing)('the real llama-server', () => {
  const tokenizer = missing ? undefined! : loadTokenizer(smolLm2Tables()!)
  let server: LlamaServer
  let proxy: FaultProxy
  beforeAll(async () => {
    server = await startLlamaServer()
    proxy = await startFaultProxy(server.url)
  })
  afterAll(async () => {
    await proxy?.stop()
    await server?.stop()
  })

  const promptOf = (content: string) => {
    const text = `<|im_start|>user\n${content}<|im_end|>\n<|im_start|>assistant\n`
    return { text, ids: tokenizer.encode(text) }
  }
  const PROMPTS = [
    'Repeat exactly: 😀😀 🧬 好的 こんにちは ξ',
    'Tell me a story about the sea.',
    'Count from 1 to 20.',
  ].map((content) => (missing ? undefined! : promptOf(content)))
  const pool = (url = proxy.url) =>
    openOrigins(configs({ kind: 'llama-server', url, model: LLAMA_MODEL, timers: TIMERS }), {
      tokenizer,
      log: () => {},
      random: createRandom(1),
    })
  const request = (prompt: (typeof PROMPTS)[number], generated: readonly number[] = []) =>
    requestOf({
      history: new History(tokenizer, prompt).with(generated.map((id) => ({ id, logprobs: undefined }))),
      maxTokens: LENGTH - generated.length,
      eosIds: [EOS_ID],
    })

  /** All ids of an answer, which the server gives without streaming; from the prompt on, nothing cached. */
  async function direct(ids: readonly number[], count: number): Promise<number[]> {
    const body = {
      prompt: ids,
      n_predict: count,
      temperature: 0,
      return_tokens: true,
      cache_prompt: false,
    }
    const response = await fetch(`${server.url}/completion`, { method: 'POST', body: JSON.stringify(body) })
    const { tokens } = (await response.json()) as { tokens: number[] }
    return tokens.filter((id) => id !== EOS_ID)
  }

  test('has our tokenizer and model', async () => {
    const origins = await pool()
    await origins.check()
    expect(origins.health()[0]).toMatchObject({ mode: 'ids', circuit: 'closed', contextLength: 2048 })
  })

  test('streams every id, inside characters too', async () => {
    for (const prompt of PROMPTS) {
      const got = await collect((await pool()).continueAtOrigin(request(prompt)))
      expect(got.ids).toEqual(await direct(prompt.ids, LENGTH))
    }
  })

  test('continues from any token exactly as it answers when asked for these ids', async () => {
    const [prompt] = PROMPTS
    const whole = await direct(prompt.ids, LENGTH)
    // The answer repeats characters of three tokens, so that cuts fall into them.
    expect(decode(tokenizer, whole)).toContain('🧬')
    for (let cut = 1; cut < 20; cut++) {
      const got = await collect((await pool()).continueAtOrigin(request(prompt, whole.slice(0, cut))))
      expect(got.ids).toEqual(whole.slice(cut))
    }
  })

  test('samples within characters like without streaming', async () => {
    const [prompt] = PROMPTS
    const { sampling } = request(prompt)
    const got = await collect(
      (await pool()).continueAtOrigin({
        ...request(prompt),
        sampling: { ...sampling, temperature: 0.7, topP: 0.95, seed: 5 },
      }),
    )
    expect(got.ids.length).toBeGreaterThan(10)
    expect(decode(tokenizer, got.ids)).not.toContain('\ufffd\ufffd')
  })

  test('is not asked for logprobs, which it leaves out inside characters', async () => {
    const got = await collect((await pool()).continueAtOrigin({ ...request(PROMPTS[0]), topLogprobs: 2 }))
    expect(got.end).toEqual(['unsupported'])
  })

  test('faults at random bytes lose and repeat nothing', async () => {
    const random = createRandom(11)
    const at = () => 300 + Math.floor(random() * 4000)
    const bytes = () => Uint8Array.from({ length: 20 }, () => Math.floor(random() * 256))
    const expected = await Promise.all(PROMPTS.map(({ ids }) => direct(ids, LENGTH)))
    const faults: (() => Fault)[] = [
      () => ({ kind: 'cut', atByte: at() }),
      () => ({ kind: 'end', atByte: at() }),
      () => ({ kind: 'garbage', atByte: at(), bytes: bytes() }),
      () => ({ kind: 'refuse' }),
      () => ({ kind: 'status', status: 503 }),
    ]
    for (const fault of faults) {
      for (const [index, prompt] of PROMPTS.entries()) {
        proxy.inject(fault())
        const got = await collect((await pool()).continueAtOrigin(request(prompt)))
        expect(got.ids).toEqual(expected[index])
      }
    }
  })

  test('a stall is given up, and the answer goes on', async () => {
    proxy.inject({ kind: 'stall', atByte: 1500 })
    const got = await collect((await pool()).continueAtOrigin(request(PROMPTS[1])))
    expect(got.ids).toEqual(await direct(PROMPTS[1].ids, LENGTH))
  })

  test('a reader that leaves stops the server within one token', async () => {
    const stream = (await pool(server.url)).continueAtOrigin({ ...request(PROMPTS[1]), maxTokens: 1500, eosIds: [] })
    for (let i = 0; i < 5; i++) await stream.next()
    await stream.return('aborted')
    await vi.waitFor(async () => expect(await server.isBusy()).toBe(false), { timeout: 10_000, interval: 20 })
    const predicted = await server.tokensPredicted()
    await setTimeout(500)
    expect(await server.tokensPredicted()).toBe(predicted)
  })
})
