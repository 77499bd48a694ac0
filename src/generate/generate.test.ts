import { describe, expect, it } from 'vitest'
import { HashModel } from '../../test/support/hash-model.ts'
import { samplingParams } from '../chat/sampling.ts'
import { GenerateRequestError } from './check-request.ts'
import { generate } from './generate.ts'
import type { GeneratedToken, GenerateEnd, GenerateRequest, SamplingParams } from './types.ts'

const SAMPLING = samplingParams({ topP: 0.95, seed: 5 }, {})
const PROMPT = Array.from({ length: 21 }, (_, i) => (i * 7) % 40)

function requestOf(changes: Omit<Partial<GenerateRequest>, 'sampling'> & { sampling?: Partial<SamplingParams> } = {}) {
  return {
    promptIds: PROMPT,
    maxTokens: 30,
    eosIds: [],
    topLogprobs: undefined,
    signal: new AbortController().signal,
    ...changes,
    sampling: { ...SAMPLING, ...changes.sampling },
  } satisfies GenerateRequest
}

async function run(model: HashModel, request: GenerateRequest) {
  const tokens: GeneratedToken[] = []
  const generator = generate(model, request)
  for (;;) {
    const step = await generator.next()
    if (step.done) return { tokens, ids: tokens.map(({ id }) => id), end: step.value satisfies GenerateEnd }
    tokens.push(step.value)
  }
}

const argmax = (logits: Float32Array) => logits.indexOf(Math.max(...logits))
const releases = (model: HashModel) => model.sequences.map(({ releases }) => releases)

describe('generate', () => {
  it('takes the most likely continuation at temperature 0', async () => {
    const model = new HashModel()
    const expected = [...PROMPT]
    for (let i = 0; i < 12; i++) expected.push(argmax(model.logits(expected)))
    const { ids, end } = await run(model, requestOf({ maxTokens: 12, sampling: { temperature: 0 } }))
    expect(ids).toEqual(expected.slice(PROMPT.length))
    expect(end).toBe('length')
  })

  it('gives the same whatever the prefill chunks', async () => {
    const whole = await run(new HashModel({ chunkLength: 100 }), requestOf())
    for (const chunkLength of [1, 7, 20, 21, 22]) {
      expect(await run(new HashModel({ chunkLength }), requestOf())).toEqual(whole)
    }
  })

  it('goes on in a sequence that holds what the tokens begin with, and leaves it to its owner', async () => {
    const alone = await run(new HashModel(), requestOf())
    const model = new HashModel()
    const sequence = model.createSequence()
    const first = await run(model, requestOf({ sequence }))
    expect(first.ids).toEqual(alone.ids)
    for (const length of [PROMPT.length - 1, 5, 0]) {
      sequence.truncate(length)
      model.forwarded.length = 0
      expect(await run(model, requestOf({ sequence }))).toEqual(alone)
      expect(model.forwarded.flat().slice(0, PROMPT.length - length)).toEqual(PROMPT.slice(length))
    }
    expect([model.sequences.length, ...releases(model)]).toEqual([1, 0])
  })

  it('samples no EOS token before minTokens, those of an earlier part counted, and as ever after', async () => {
    const model = new HashModel()
    const greedy = { temperature: 0, repetitionPenalty: 1.3 }
    const [first] = (await run(model, requestOf({ maxTokens: 1, sampling: greedy }))).ids
    const eosIds = [first, 39]
    const request = (minTokens: number) => requestOf({ eosIds, minTokens, maxTokens: 200, sampling: greedy })
    expect((await run(model, request(0))).ids).toEqual([])
    for (const minTokens of [1, 7, 30]) {
      const { ids, end } = await run(new HashModel(), request(minTokens))
      expect(ids.length).toBeGreaterThanOrEqual(minTokens)
      expect(ids.some((id) => eosIds.includes(id))).toBe(false)
      expect(end).toBe('eos')
      const generatedIds = ids.slice(0, minTokens - 1)
      const rest = await run(new HashModel(), { ...request(minTokens), generatedIds })
      expect(rest.ids).toEqual(ids.slice(minTokens - 1))
    }
  })

  it('gives the same for a seed, and something else for another', async () => {
    const { ids } = await run(new HashModel(), requestOf())
    expect((await run(new HashModel(), requestOf())).ids).toEqual(ids)
    expect((await run(new HashModel(), requestOf({ sampling: { seed: 6 } }))).ids).not.toEqual(ids)
  })

  it('gives maxTokens tokens, and does not run the last one', async () => {
    for (const maxTokens of [0, 1, 2, 17]) {
      const model = new HashModel({ chunkLength: 100 })
      const { ids, end } = await run(model, requestOf({ maxTokens }))
      expect([ids.length, end]).toEqual([maxTokens, 'length'])
      expect(model.forwarded.length).toBe(maxTokens)
      expect(releases(model)).toEqual([1])
    }
  })

  it('ends with length where prompt and answer fill the context', async () => {
    const model = new HashModel({ contextLength: PROMPT.length + 4 })
    const { ids, end } = await run(model, requestOf())
    expect([ids.length, end]).toEqual([4, 'length'])
    expect(releases(model)).toEqual([1])
  })

  it('ends at any EOS token without yielding it', async () => {
    const { ids } = await run(new HashModel(), requestOf())
    const eos = ids[9]
    const model = new HashModel()
    const { ids: cut, end } = await run(model, requestOf({ eosIds: [ids.findLast((id) => id !== eos)!, eos] }))
    expect(end).toBe('eos')
    expect(cut).toEqual(ids.slice(0, cut.length))
    expect(cut.length).toBeLessThanOrEqual(9)
    expect(cut).not.toContain(eos)
    expect(releases(model)).toEqual([1])
  })

  it('ends with aborted and computes nothing when the signal has aborted', async () => {
    const model = new HashModel()
    const { ids, end } = await run(model, requestOf({ signal: AbortSignal.abort() }))
    expect([ids, end, model.forwarded]).toEqual([[], 'aborted', []])
    expect(releases(model)).toEqual([1])
  })

  it('ends with aborted between prefill chunks, even if no code but a timer aborts', async () => {
    const model = new HashModel({ chunkLength: 4 })
    const controller = new AbortController()
    model.onForward = () => setImmediate(() => controller.abort())
    const { ids, end } = await run(model, requestOf({ signal: controller.signal }))
    expect([ids, end, model.forwarded.length]).toEqual([[], 'aborted', 1])
    expect(releases(model)).toEqual([1])
  })

  it('ends with aborted within one token, whoever aborts while a token is computed', async () => {
    // A token whose computation was cut short is not sampled.
    for (const [abort, tokens] of [
      [(controller: AbortController) => controller.abort(), 5],
      [(controller: AbortController) => setImmediate(() => controller.abort()), 6],
    ] as const) {
      const model = new HashModel({ chunkLength: PROMPT.length })
      const controller = new AbortController()
      model.onForward = () => model.forwarded.length === 5 && abort(controller)
      const { ids, end } = await run(model, requestOf({ signal: controller.signal }))
      expect([ids.length, end, model.forwarded.length]).toEqual([tokens, 'aborted', 6])
      expect(releases(model)).toEqual([1])
    }
  })

  it('releases the sequence when the consumer closes the generator', async () => {
    const model = new HashModel()
    let seen = 0
    for await (const _ of generate(model, requestOf())) if (++seen === 3) break
    expect(releases(model)).toEqual([1])
    expect(model.forwarded.flat().length).toBe(PROMPT.length + 2)
  })

  it('releases the sequence when the model fails', async () => {
    const model = new HashModel()
    model.onForward = () => {
      if (model.forwarded.length === 5) throw new Error('shard lost')
    }
    await expect(run(model, requestOf())).rejects.toThrow('shard lost')
    expect(releases(model)).toEqual([1])
  })

  it('applies penalties and biases', async () => {
    const greedy = { temperature: 0 }
    const bias = { ...greedy, logitBias: new Map([[13, 100]]) }
    expect((await run(new HashModel(), requestOf({ maxTokens: 5, sampling: bias }))).ids).toEqual([13, 13, 13, 13, 13])
    // A penalty that no logit of this model reaches: every token of the vocabulary comes once.
    const presence = { ...greedy, presencePenalty: 100 }
    const { ids } = await run(new HashModel(), requestOf({ maxTokens: 40, sampling: presence }))
    expect(new Set(ids).size).toBe(40)
    // The prompt's tokens have no positive logit left, others do.
    const repetition = { ...greedy, repetitionPenalty: 1e6 }
    const [first] = (await run(new HashModel(), requestOf({ maxTokens: 1, sampling: repetition }))).ids
    const logits = new HashModel().logits(PROMPT)
    expect(first).toBe(argmax(logits.map((logit, id) => (PROMPT.includes(id) ? -Infinity : logit))))
  })

  it('takes forced tokens in place of sampled ones, and goes on from them', async () => {
    const forced = [[], [3, 4], [], [], [5]]
    const steering = { forced: () => forced.shift() ?? [], banned: () => [] }
    const greedy = { temperature: 0 }
    const { ids } = await run(new HashModel(), requestOf({ maxTokens: 8, sampling: greedy, steering }))
    expect([ids[1], ids[2], ids[5]]).toEqual([3, 4, 5])
    const model = new HashModel()
    for (const at of [0, 3, 4, 6, 7]) expect(ids[at]).toBe(argmax(model.logits([...PROMPT, ...ids.slice(0, at)])))
  })

  it('goes on with what was generated before as if it had never stopped', async () => {
    const sampling = { repetitionPenalty: 1.2, presencePenalty: 0.5, frequencyPenalty: 0.5 }
    // Forced tokens stand wherever they stood, whoever takes them.
    const steering = (at: number) => {
      const forced = Array.from({ length: 30 }, (_, index) => (index === 7 ? [3, 4] : []))
      let position = at
      return { forced: () => forced[position++] ?? [], banned: () => [] }
    }
    const whole = await run(new HashModel(), requestOf({ sampling, steering: steering(0) }))
    for (const cut of [0, 1, 6, 7, 9, 10, 29, 30]) {
      const generatedIds = whole.ids.slice(0, cut)
      const request = requestOf({
        sampling,
        generatedIds,
        maxTokens: 30 - cut,
        steering: steering(cut > 8 ? cut - 1 : cut),
      })
      expect((await run(new HashModel(), request)).ids).toEqual(whole.ids.slice(cut))
    }
  })

  it('counts what was generated before as part of the context', async () => {
    const model = new HashModel({ contextLength: PROMPT.length + 6 })
    const { ids, end } = await run(model, requestOf({ generatedIds: [1, 2, 3] }))
    expect([ids.length, end]).toEqual([3, 'length'])
    expect(await run(model, requestOf({ generatedIds: [1, 2, 3, 4, 5, 6] }))).toMatchObject({ ids: [], end: 'length' })
  })

  it('reports the logprobs of forced tokens, and counts them within maxTokens', async () => {
    const steering = { forced: () => [7, 8, 9], banned: () => [] }
    const { tokens, end } = await run(new HashModel(), requestOf({ maxTokens: 2, topLogprobs: 40, steering }))
    expect([tokens.map(({ id }) => id), end]).toEqual([[7, 8], 'length'])
    for (const { id, logprobs } of tokens) {
      expect(logprobs!.logprob).toBe(logprobs!.top.find((top) => top.id === id)!.logprob)
    }
  })

  it('never samples a token from when it is banned', async () => {
    const sampling = { temperature: 0, logitBias: new Map([[13, 100]]) }
    const banned: number[] = []
    const steering = { forced: () => [], banned: () => banned }
    const ids: number[] = []
    for await (const { id } of generate(new HashModel(), requestOf({ maxTokens: 12, sampling, steering }))) {
      ids.push(id)
      if (ids.length === 3) banned.push(13)
    }
    expect(ids.slice(0, 3)).toEqual([13, 13, 13])
    expect(ids.slice(3)).not.toContain(13)
  })

  it('samples what is allowed alone, in the proportions that the model gives, and ends where nothing is left', async () => {
    const allowed = Uint32Array.of(0b1010_1000, 0b1)
    let asked = 0
    const steering = {
      forced: () => (asked === 2 ? [9] : []),
      banned: () => [],
      allowed: () => allowed,
      ended: () => asked++ === 6,
    }
    const { ids, end } = await run(
      new HashModel(),
      requestOf({ maxTokens: 20, sampling: { temperature: 1 }, steering }),
    )
    expect([ids.length, end]).toEqual([6, 'eos'])
    expect(ids[1]).toBe(9)
    expect([3, 5, 7, 32]).toEqual(expect.arrayContaining(ids.toSpliced(1, 1)))
  })

  it('reports logprobs before penalties, biases and temperature', async () => {
    const model = new HashModel()
    const sampling = { temperature: 0, logitBias: new Map([[13, 100]]) }
    const { tokens } = await run(model, requestOf({ maxTokens: 3, topLogprobs: 40, sampling }))
    const context = [...PROMPT]
    for (const { id, logprobs } of tokens) {
      const logits = model.logits(context)
      const logSumExp = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0))
      expect(logprobs!.logprob).toBeCloseTo(logits[id] - logSumExp, 5)
      expect(logprobs!.top[0].id).toBe(argmax(logits))
      expect(logprobs!.top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 5)
      context.push(id)
    }
    const none = await run(new HashModel(), requestOf({ maxTokens: 1, topLogprobs: 0 }))
    expect(none.tokens[0].logprobs!.top).toEqual([])
    expect((await run(new HashModel(), requestOf({ maxTokens: 1 }))).tokens[0].logprobs).toBeUndefined()
  })

  it.each<[GenerateRequestError['code'], Parameters<typeof requestOf>[0]]>([
    ['empty_prompt', { promptIds: [] }],
    ['context_length_exceeded', { promptIds: new Array(1000).fill(1) }],
    ['token_id_out_of_range', { promptIds: [1, 40] }],
    ['token_id_out_of_range', { promptIds: [-1] }],
    ['token_id_out_of_range', { promptIds: [1.5] }],
    ['token_id_out_of_range', { sampling: { logitBias: new Map([[40, 1]]) } }],
  ])('refuses a request with %s', async (code, changes) => {
    const model = new HashModel()
    await expect(run(model, requestOf(changes))).rejects.toMatchObject({ name: GenerateRequestError.name, code })
    expect(model.sequences).toEqual([])
  })
})
